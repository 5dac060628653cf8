/* nub/cap.h - capabilities: immutable objects that are named by their hash
 *
 * A #NubCap is one capability in wire form, checked completely when it was made: there is no
 * invalid NubCap. It is immutable and refcounted, so that any thread may use it at any time.
 * Making one touches no kernel; nub_kernel_put_cap() publishes it.
 */
#ifndef NUB_CAP_H
#define NUB_CAP_H

#include <nub/error.h>

G_BEGIN_DECLS

/**
 * NubCapKind:
 * @NUB_CAP_KIND_INSTANCE: a program with its state
 * @NUB_CAP_KIND_IMAGE: a program
 * @NUB_CAP_KIND_DATA: bytes, in whole pages
 * @NUB_CAP_KIND_CNODE: a table of slots that hold capabilities
 * @NUB_CAP_KIND_TYPE: a pure identifier
 *
 * The kinds of capabilities. The values are the selectors of the wire form.
 *
 * Since: 0.1
 */
typedef enum {
    NUB_CAP_KIND_INSTANCE = 0,
    NUB_CAP_KIND_IMAGE = 1,
    NUB_CAP_KIND_DATA = 2,
    NUB_CAP_KIND_CNODE = 3,
    NUB_CAP_KIND_TYPE = 4
} NubCapKind;

/**
 * NubSlot:
 * @slot: the number of the slot
 * @cap: what it holds
 *
 * One slot of a CNode.
 *
 * Since: 0.1
 */
typedef struct _NubSlot NubSlot;
struct _NubSlot {
    guint32 slot;
    NubHash cap;
};

/**
 * NubCap:
 *
 * A capability. Refcounted.
 *
 * Since: 0.1
 */
typedef struct _NubCap NubCap;

/**
 * NubImageBuilder:
 *
 * Puts an Image together, in any order; nub_image_builder_build() checks it. One thread at a time.
 *
 * Since: 0.1
 */
typedef struct _NubImageBuilder NubImageBuilder;

/**
 * NubInstanceBuilder:
 *
 * Puts an Instance together, in any order; nub_instance_builder_build() checks it. One thread at a
 * time.
 *
 * Since: 0.1
 */
typedef struct _NubInstanceBuilder NubInstanceBuilder;

#define NUB_TYPE_CAP (nub_cap_get_type())
#define NUB_TYPE_IMAGE_BUILDER (nub_image_builder_get_type())
#define NUB_TYPE_INSTANCE_BUILDER (nub_instance_builder_get_type())

NUB_AVAILABLE_IN_0_1
GType nub_cap_get_type(void);

/**
 * nub_cap_ref:
 * @self: a capability
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_cap_ref(NubCap *self);

/**
 * nub_cap_unref:
 * @self: (transfer full): a capability
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_cap_unref(NubCap *self);

/* ---- making ------------------------------------------------------------------------------ */

/**
 * nub_cap_new_from_wire:
 * @wire: the wire form; a reference is kept, nothing is copied
 * @error: %NUB_ERROR_BAD_ENCODING, which names the field and the offset
 *
 * Checks the wire form of a capability of any kind.
 *
 * Returns: (transfer full): the capability, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_cap_new_from_wire(GBytes *wire, GError **error);

/**
 * nub_cap_new_data:
 * @content: (array length=size) (nullable): the bytes, which are copied
 * @size: how many
 * @error: %NUB_ERROR_INVALID_ARGUMENT when @size is more than a capability can hold
 *
 * Makes a Data. It is padded with zeros to whole pages.
 *
 * Returns: (transfer full): the capability, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_cap_new_data(const guint8 *content, gsize size, GError **error);

/**
 * nub_cap_new_type:
 * @image_chain: what it identifies
 *
 * Makes a Type.
 *
 * Returns: (transfer full): the capability.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_cap_new_type(const NubHash *image_chain);

/**
 * nub_cap_new_cnode:
 * @size_log: the table has 2^@size_log slots; 0 to 16
 * @slots: (array length=n_slots) (nullable): the slots that are not empty, in any order
 * @n_slots: how many
 * @error: %NUB_ERROR_BAD_ENCODING: a slot twice or beyond the table, or one that holds no capability
 *
 * Makes a CNode.
 *
 * Returns: (transfer full): the capability, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_cap_new_cnode(guint8 size_log, const NubSlot *slots, gsize n_slots, GError **error);

/**
 * nub_cap_new_instance:
 * @image: hash of the Image
 *
 * Makes the plain idle Instance of an image: no memory of its own, registers zero. For anything
 * else there is #NubInstanceBuilder.
 *
 * Returns: (transfer full): the capability.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_cap_new_instance(const NubHash *image);

/* ---- reading ----------------------------------------------------------------------------- */

/**
 * nub_cap_get_kind:
 * @self: a capability
 *
 * Says which of the five kinds it is.
 *
 * Returns: its kind.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCapKind nub_cap_get_kind(NubCap *self);

/**
 * nub_cap_get_hash:
 * @self: a capability
 * @hash: (out caller-allocates): its name
 *
 * The hash is computed at the first call and kept.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_cap_get_hash(NubCap *self, NubHash *hash);

/**
 * nub_cap_get_wire:
 * @self: a capability
 *
 * Gives the bytes that go over the wire and into bundles.
 *
 * Returns: (transfer none): its wire form.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GBytes *nub_cap_get_wire(NubCap *self);

/**
 * nub_cap_dup_content:
 * @self: a capability
 *
 * The bytes of a Data or the code of an Image. Shares memory with @self.
 *
 * Returns: (transfer full) (nullable): the bytes, or %NULL for another kind.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GBytes *nub_cap_dup_content(NubCap *self);

/**
 * nub_cap_list_references:
 * @self: a capability
 *
 * Every mention of another capability, in field order: the pinned and initial slots of an Image,
 * the slots of a CNode, image and root_cnode of an Instance.
 *
 * Returns: (transfer container) (element-type NubHash): the hashes, perhaps none; they belong to the array.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
GPtrArray *nub_cap_list_references(NubCap *self);

/**
 * nub_cap_list_slots: (skip)
 * @self: a capability
 * @n_slots: (out): how many
 *
 * The slots of a CNode that are not empty, sorted.
 *
 * Returns: (array length=n_slots) (transfer full) (nullable): the slots, to be freed with g_free(); %NULL
 *   when there are none or @self is of another kind.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubSlot *nub_cap_list_slots(NubCap *self, gsize *n_slots);

/**
 * nub_cap_get_image:
 * @self: a capability
 * @image: (out caller-allocates): hash of the Image of an Instance
 *
 * Reads which program an Instance runs.
 *
 * Returns: %TRUE, or %FALSE and zero when @self is no Instance.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_cap_get_image(NubCap *self, NubHash *image);

/**
 * nub_cap_is_paused:
 * @self: a capability
 *
 * Says whether an Instance is a paused machine.
 *
 * Returns: %TRUE for an Instance that nub_kernel_resume() continues.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
gboolean nub_cap_is_paused(NubCap *self);

/**
 * nub_cap_get_n_endpoints:
 * @self: a capability
 *
 * Counts the endpoints of an Image.
 *
 * Returns: how many endpoints an Image has; 0 for another kind.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
guint32 nub_cap_get_n_endpoints(NubCap *self);

/**
 * nub_cap_kind_to_string:
 * @kind: a kind
 *
 * Names a kind for people.
 *
 * Returns: (transfer none): "Instance", "Image", "Data", "CNode" or "Type".
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
const char *nub_cap_kind_to_string(NubCapKind kind);

/* ---- Image ------------------------------------------------------------------------------- */

NUB_AVAILABLE_IN_0_1
GType nub_image_builder_get_type(void);

/**
 * nub_image_builder_new:
 * @code: (array length=code_size) (nullable): the instructions, which are copied
 * @code_size: bytes of code
 * @bitmask: (array length=bitmask_size) (nullable): one bit per byte of code, lowest first: where
 *   instructions begin. Copied
 * @bitmask_size: bytes of bitmask: @code_size / 8, rounded up
 *
 * Begins an Image with its program.
 *
 * Returns: (transfer full): a builder.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubImageBuilder *nub_image_builder_new(const guint8 *code, gsize code_size, const guint8 *bitmask, gsize bitmask_size);

/**
 * nub_image_builder_ref:
 * @self: a builder
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubImageBuilder *nub_image_builder_ref(NubImageBuilder *self);

/**
 * nub_image_builder_unref:
 * @self: (transfer full): a builder
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_image_builder_unref(NubImageBuilder *self);

/**
 * nub_image_builder_set_isa:
 * @self: a builder
 * @isa: the instruction set; 0, the default, is the byte-PVM
 *
 * Says which instruction set the code is of.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_image_builder_set_isa(NubImageBuilder *self, guint32 isa);

/**
 * nub_image_builder_set_jump_table:
 * @self: a builder
 * @targets: (array length=n_targets) (nullable): addresses of blocks
 * @n_targets: how many
 *
 * Says where dynamic jumps can go.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_image_builder_set_jump_table(NubImageBuilder *self, const guint32 *targets, gsize n_targets);

/**
 * nub_image_builder_add_endpoint:
 * @self: a builder
 * @entry_pc: where it begins
 * @initial_regs: (array fixed-size=13) (nullable): the registers; %NULL: register 0 is the halt
 *   address, the others are zero
 *
 * Adds a place where calls begin.
 *
 * Returns: the number of the endpoint, from 0.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
guint32 nub_image_builder_add_endpoint(NubImageBuilder *self, guint64 entry_pc, const guint64 *initial_regs);

/**
 * nub_image_builder_add_mapping:
 * @self: a builder
 * @start: address, a multiple of the page size
 * @size: bytes, a multiple of the page size
 * @source: (array length=n_source) (nullable): path of slots to a Data; empty: zeroed read-write pages
 * @n_source: its length, at most 8
 *
 * Maps memory: from Data in slots, zeros where there is none.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_image_builder_add_mapping(NubImageBuilder *self, guint64 start, guint64 size, const guint32 *source, gsize n_source);

/**
 * nub_image_builder_add_pinned:
 * @self: a builder
 * @slot: its slot
 * @cap: a capability; a Data mapped from it is read-only
 *
 * Puts a capability into a slot that no instance can change.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_image_builder_add_pinned(NubImageBuilder *self, guint32 slot, const NubHash *cap);

/**
 * nub_image_builder_add_initial:
 * @self: a builder
 * @slot: its slot
 * @cap: a capability; a Data mapped from it is read-write, each instance having its own pages
 *
 * Puts a capability into a slot of new instances.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_image_builder_add_initial(NubImageBuilder *self, guint32 slot, const NubHash *cap);

/**
 * nub_image_builder_build:
 * @self: a builder, which stays usable
 * @error: %NUB_ERROR_BAD_ENCODING, which names the field
 *
 * Sorts mappings and slots, checks everything.
 *
 * Returns: (transfer full): an Image, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_image_builder_build(NubImageBuilder *self, GError **error);

/* ---- Instance ---------------------------------------------------------------------------- */

NUB_AVAILABLE_IN_0_1
GType nub_instance_builder_get_type(void);

/**
 * nub_instance_builder_new:
 * @image: hash of the Image
 *
 * Begins an Instance.
 *
 * Returns: (transfer full): a builder of an idle instance.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubInstanceBuilder *nub_instance_builder_new(const NubHash *image);

/**
 * nub_instance_builder_ref:
 * @self: a builder
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubInstanceBuilder *nub_instance_builder_ref(NubInstanceBuilder *self);

/**
 * nub_instance_builder_unref:
 * @self: (transfer full): a builder
 *
 * Drops a reference.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_instance_builder_unref(NubInstanceBuilder *self);

/**
 * nub_instance_builder_set_image_chain:
 * @self: a builder
 * @image_chain: carried and hashed; version 1 gives it no effect
 *
 * Sets the hash of the chain of images.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_instance_builder_set_image_chain(NubInstanceBuilder *self, const NubHash *image_chain);

/**
 * nub_instance_builder_set_root_cnode:
 * @self: a builder
 * @root_cnode: carried, hashed and referenced; version 1 gives it no further effect
 *
 * Sets the hash of the root CNode.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_instance_builder_set_root_cnode(NubInstanceBuilder *self, const NubHash *root_cnode);

/**
 * nub_instance_builder_set_mem_size:
 * @self: a builder
 * @mem_size: bytes from address 0 that are zeroed and read-write where nothing else is; a multiple of
 *   the page size
 *
 * Gives the instance memory of its own.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_instance_builder_set_mem_size(NubInstanceBuilder *self, guint64 mem_size);

/**
 * nub_instance_builder_add_overlay:
 * @self: a builder
 * @start: address, a multiple of the page size
 * @content: whole pages
 *
 * Adds pages of the instance's own. Neighbours are joined.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_instance_builder_add_overlay(NubInstanceBuilder *self, guint32 start, GBytes *content);

/**
 * nub_instance_builder_set_regs:
 * @self: a builder
 * @regs: (array fixed-size=13): the registers
 *
 * Sets the registers of a paused machine.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_instance_builder_set_regs(NubInstanceBuilder *self, const guint64 *regs);

/**
 * nub_instance_builder_set_paused:
 * @self: a builder
 * @pc: where it goes on
 * @gas_remaining: what was left, as a record
 *
 * Makes the instance a paused one.
 *
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
void nub_instance_builder_set_paused(NubInstanceBuilder *self, guint32 pc, guint64 gas_remaining);

/**
 * nub_instance_builder_build:
 * @self: a builder, which stays usable
 * @error: %NUB_ERROR_BAD_ENCODING, which names the field
 *
 * Makes the Instance.
 *
 * Returns: (transfer full): an Instance, or %NULL with @error set.
 * Since: 0.1
 */
NUB_AVAILABLE_IN_0_1
NubCap *nub_instance_builder_build(NubInstanceBuilder *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubCap, nub_cap_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubImageBuilder, nub_image_builder_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NubInstanceBuilder, nub_instance_builder_unref)

G_END_DECLS

#endif
