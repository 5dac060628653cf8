/* cap-wire.h - where the fields of each kind lie in its wire form (private to core/model)
 *
 * Offsets are within the SSZ value, which follows the selector byte. Variable-size fields are
 * held by 4-byte offsets in the fixed part. caps.md 2 has the schemas.
 */
#ifndef NUB_MODEL_CAP_WIRE_H
#define NUB_MODEL_CAP_WIRE_H

#define NUB_WIRE_SELECTOR_SIZE 1u
#define NUB_WIRE_OFFSET_SIZE   4u

/* Data */
#define NUB_WIRE_DATA_CONTENT 0u
#define NUB_WIRE_DATA_FIXED   4u

/* Image */
#define NUB_WIRE_IMAGE_ISA          0u
#define NUB_WIRE_IMAGE_CODE         4u
#define NUB_WIRE_IMAGE_BITMASK      8u
#define NUB_WIRE_IMAGE_JUMP_TABLE   12u
#define NUB_WIRE_IMAGE_ENDPOINTS    16u
#define NUB_WIRE_IMAGE_MAPPINGS     20u
#define NUB_WIRE_IMAGE_PINNED       24u
#define NUB_WIRE_IMAGE_INITIAL      28u
#define NUB_WIRE_IMAGE_YIELD_MARKER 32u
#define NUB_WIRE_IMAGE_FIXED        36u

#define NUB_WIRE_ENDPOINT_ENTRY_PC       0u
#define NUB_WIRE_ENDPOINT_STACK_TOP      8u
#define NUB_WIRE_ENDPOINT_ARG_CNODE_SLOT 16u
#define NUB_WIRE_ENDPOINT_ARG_CNODE_SIZE 20u
#define NUB_WIRE_ENDPOINT_INITIAL_REGS   21u
#define NUB_WIRE_ENDPOINT_SIZE           125u

#define NUB_WIRE_MAPPING_START  0u
#define NUB_WIRE_MAPPING_SIZE   8u
#define NUB_WIRE_MAPPING_SOURCE 16u
#define NUB_WIRE_MAPPING_FIXED  20u

#define NUB_WIRE_SLOT_ENTRY_SLOT 0u
#define NUB_WIRE_SLOT_ENTRY_CAP  4u
#define NUB_WIRE_SLOT_ENTRY_SIZE 36u

/* Instance */
#define NUB_WIRE_INSTANCE_IMAGE_CHAIN   0u
#define NUB_WIRE_INSTANCE_IMAGE         32u
#define NUB_WIRE_INSTANCE_ROOT_CNODE    64u
#define NUB_WIRE_INSTANCE_OVERLAYS      96u
#define NUB_WIRE_INSTANCE_MEM_SIZE      100u
#define NUB_WIRE_INSTANCE_REGS          108u
#define NUB_WIRE_INSTANCE_PC            212u
#define NUB_WIRE_INSTANCE_GAS_REMAINING 220u
#define NUB_WIRE_INSTANCE_PHASE         228u
#define NUB_WIRE_INSTANCE_FIXED         229u

#define NUB_WIRE_OVERLAY_START 0u
#define NUB_WIRE_OVERLAY_BYTES 4u
#define NUB_WIRE_OVERLAY_FIXED 8u

/* CNode, as CNodeWire */
#define NUB_WIRE_CNODE_SIZE_LOG 0u
#define NUB_WIRE_CNODE_ENTRIES  1u
#define NUB_WIRE_CNODE_FIXED    5u

/* Limits of lists and ranges. */
#define NUB_MAX_CODE       (1u << 28)
#define NUB_MAX_JUMP_TABLE (1u << 24)
#define NUB_MAX_ENDPOINTS  64u
#define NUB_MAX_MAPPINGS   256u
#define NUB_MAX_SLOTS      256u
#define NUB_MAX_OVERLAYS   524288u
#define NUB_MAX_SIZE_LOG   16u
#define NUB_MAX_CNODE      65536u
#define NUB_ADDRESS_SPACE  (UINT64_C(1) << 32)

#endif
