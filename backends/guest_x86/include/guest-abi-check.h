/* guest-abi-check.h - tripwires on each offset and number of guest-abi.h; included once on each side
 *
 * When one of these fails, do not just correct the number: the host and the image no longer agree.
 * Raise NUB_GUEST_ABI_VERSION, then correct the number. See docs/guest.md.
 */
#ifndef NUB_GUEST_ABI_CHECK_H
#define NUB_GUEST_ABI_CHECK_H

#include "guest-abi.h"
#include <stddef.h>

#define NUB_AT(type, member, offset) \
    _Static_assert(offsetof(struct type, member) == (offset), #type "." #member " moved")
#define NUB_IS(type, size) _Static_assert(sizeof(struct type) == (size), #type " changed its size")
#define NUB_HAS(name, value) _Static_assert((name) == (value), #name " changed")

_Static_assert(NUB_GUEST_ABI_VERSION == 2, "a new version: look at every line below");

NUB_AT(nub_guest_note, abi_version, 0);
NUB_AT(nub_guest_note, faults, 8);
NUB_IS(nub_guest_note, 16);

NUB_AT(nub_guest_boot, abi_version, 0);
NUB_AT(nub_guest_boot, n_lanes, 4);
NUB_AT(nub_guest_boot, memory_size, 8);
NUB_AT(nub_guest_boot, root, 16);
NUB_AT(nub_guest_boot, kernel_entry, 24);
NUB_AT(nub_guest_boot, gas_model, 32);
NUB_AT(nub_guest_boot, mem_cycles, 36);
NUB_AT(nub_guest_boot, seed, 40);
NUB_IS(nub_guest_boot, 56);

NUB_AT(nub_mailbox, posted, 0);
NUB_AT(nub_mailbox, answered, 64);
NUB_AT(nub_mailbox, state, 128);
NUB_AT(nub_mailbox, heartbeat, 136);
NUB_AT(nub_mailbox, notify, 192);
NUB_AT(nub_mailbox, spin, 256);
NUB_AT(nub_mailbox, stop, 264);
NUB_AT(nub_mailbox, request, 320);
NUB_AT(nub_mailbox, request_size, 324);
NUB_AT(nub_mailbox, status, 328);
NUB_AT(nub_mailbox, reply_size, 332);
NUB_AT(nub_mailbox, packet, 384);
NUB_AT(nub_mailbox, failure, 1408);
NUB_AT(nub_mailbox, panic, 1664);
NUB_IS(nub_mailbox, 1728);
NUB_IS(nub_failure, 256);
NUB_IS(nub_result, 24);

NUB_AT(nub_packet_smoke, value, 0);
NUB_AT(nub_packet_smoke, cpl, 8);
NUB_IS(nub_packet_smoke, 16);
NUB_AT(nub_packet_boot_info, abi_version, 0);
NUB_AT(nub_packet_boot_info, lane, 4);
NUB_AT(nub_packet_boot_info, memory_size, 8);
NUB_AT(nub_packet_boot_info, heap_size, 16);
NUB_AT(nub_packet_boot_info, trap_cost, 24);
NUB_IS(nub_packet_boot_info, 32);
NUB_AT(nub_packet_heap_stats, allocated_bytes, 0);
NUB_AT(nub_packet_heap_stats, allocations, 8);
NUB_AT(nub_packet_heap_stats, fragments, 16);
NUB_AT(nub_packet_heap_stats, available, 24);
NUB_IS(nub_packet_heap_stats, 32);
NUB_AT(nub_packet_invoke, instance, 0);
NUB_AT(nub_packet_invoke, endpoint, 32);
NUB_AT(nub_packet_invoke, pad, 36);
NUB_AT(nub_packet_invoke, args, 40);
NUB_AT(nub_packet_invoke, gas, 72);
NUB_IS(nub_packet_invoke, 80);
NUB_AT(nub_packet_room, size, 0);
NUB_AT(nub_packet_room, lead, 8);
NUB_AT(nub_packet_room, address, 16);
NUB_IS(nub_packet_room, 24);
NUB_AT(nub_packet_cap, hash, 0);
NUB_AT(nub_packet_cap, present, 32);
NUB_AT(nub_packet_cap, pad, 36);
NUB_IS(nub_packet_cap, 40);
NUB_AT(nub_packet_open, instance, 0);
NUB_AT(nub_packet_open, endpoint, 32);
NUB_AT(nub_packet_open, resume, 36);
NUB_AT(nub_packet_open, gas_model, 40);
NUB_AT(nub_packet_open, mem_cycles, 44);
NUB_AT(nub_packet_open, session, 48);
NUB_AT(nub_packet_open, regs, 56);
NUB_AT(nub_packet_open, pc, 160);
NUB_AT(nub_packet_open, input_zone, 164);
NUB_AT(nub_packet_open, root, 168);
NUB_IS(nub_packet_open, 176);
NUB_AT(nub_guest_laid, address, 0);
NUB_AT(nub_guest_laid, bytes, 4);
NUB_IS(nub_guest_laid, 4100);
NUB_AT(nub_packet_state, session, 0);
NUB_AT(nub_packet_state, pc, 8);
NUB_AT(nub_packet_state, n_laid, 12);
NUB_AT(nub_packet_state, gas, 16);
NUB_AT(nub_packet_state, regs, 24);
NUB_AT(nub_packet_state, result, 128);
NUB_IS(nub_packet_state, 152);
NUB_AT(nub_packet_memory, session, 0);
NUB_AT(nub_packet_memory, address, 8);
NUB_AT(nub_packet_memory, size, 16);
NUB_AT(nub_packet_memory, access, 24);
NUB_AT(nub_packet_memory, written, 28);
NUB_IS(nub_packet_memory, 32);
NUB_AT(nub_packet_pages, session, 0);
NUB_AT(nub_packet_pages, first, 8);
NUB_AT(nub_packet_pages, count, 16);
NUB_IS(nub_packet_pages, 24);
NUB_AT(nub_guest_page, address, 0);
NUB_AT(nub_guest_page, writable, 4);
NUB_AT(nub_guest_page, content, 8);
NUB_IS(nub_guest_page, 16);
NUB_AT(nub_packet_derive, session, 0);
NUB_AT(nub_packet_derive, successor, 8);
NUB_AT(nub_packet_derive, n_changes, 40);
NUB_AT(nub_packet_derive, close, 44);
NUB_AT(nub_packet_derive, phase, 48);
NUB_AT(nub_packet_derive, pc, 52);
NUB_AT(nub_packet_derive, gas, 56);
NUB_AT(nub_packet_derive, regs, 64);
NUB_AT(nub_packet_derive, n_gone, 168);
NUB_AT(nub_packet_derive, pad, 172);
NUB_AT(nub_packet_derive, gone, 176);
NUB_IS(nub_packet_derive, 688);
NUB_AT(nub_guest_change, address, 0);
NUB_AT(nub_guest_change, dropped, 4);
NUB_IS(nub_guest_change, 8);
NUB_AT(nub_packet_stats, caps, 0);
NUB_AT(nub_packet_stats, cap_bytes, 8);
NUB_AT(nub_packet_stats, runs, 16);
NUB_AT(nub_packet_stats, compiled, 24);
NUB_AT(nub_packet_stats, code_bytes, 32);
NUB_AT(nub_packet_stats, faults, 40);
NUB_AT(nub_packet_stats, switches, 48);
NUB_AT(nub_packet_stats, windows, 56);
NUB_IS(nub_packet_stats, 64);

NUB_HAS(NUB_GUEST_NOTE_TYPE, 0x6e75);
NUB_HAS(NUB_GUEST_BASE, 0x8000000000);
NUB_HAS(NUB_GUEST_EXEC, 0xc000000000);
NUB_HAS(NUB_GUEST_BOOT, 0x1000);
NUB_HAS(NUB_GUEST_TABLES, 0x10000);
NUB_HAS(NUB_GUEST_TEXT, 0x200000);
NUB_HAS(NUB_GUEST_DATA, 0x400000);
NUB_HAS(NUB_GUEST_LANES, 0x600000);
NUB_HAS(NUB_GUEST_PT_POOL, 0xa00000);
NUB_HAS(NUB_GUEST_HEAP, 0x1200000);
NUB_HAS(NUB_GUEST_MAX_LANES, 16);
NUB_HAS(NUB_GUEST_LANE_SIZE, 0x40000);
NUB_HAS(NUB_LANE_GDT, 0x0);
NUB_HAS(NUB_LANE_IDT, 0x1000);
NUB_HAS(NUB_LANE_STACK0, 0x2000);
NUB_HAS(NUB_LANE_STACK0_VIEW, 0x3000);
NUB_HAS(NUB_LANE_FRAMES, 0x4000);
NUB_HAS(NUB_LANE_STUBS, 0x5000);
NUB_HAS(NUB_LANE_MAILBOX, 0x6000);
NUB_HAS(NUB_LANE_CONTEXT, 0x8000);
NUB_HAS(NUB_LANE_FAULT_STACK, 0xc000);
NUB_HAS(NUB_LANE_STACK, 0x10000);
NUB_HAS(NUB_LANE_BULK, 0x20000);
NUB_HAS(NUB_LANE_BULK_SIZE, 0x20000);
NUB_HAS(NUB_GUEST_VECTORS, 32);
NUB_HAS(NUB_GUEST_MAX_LAID, 31);
NUB_HAS(NUB_GUEST_PAGE_PRESENT, 0x1);
NUB_HAS(NUB_GUEST_PAGE_USER, 0x4);
NUB_HAS(NUB_GUEST_PAGE_OWN, 0x200);
NUB_HAS(NUB_GUEST_PAGE_ADDRESS, 0x000ffffffffff000);
NUB_HAS(NUB_PORT_IDLE, 0x10);
NUB_HAS(NUB_PORT_PANIC, 0x11);
NUB_HAS(NUB_PORT_DOORBELL, 0x20);
NUB_HAS(NUB_PACKET_SIZE, 1024);
NUB_HAS(NUB_RUN_STOPPED, 0x100);
NUB_HAS(NUB_RUN_NO_MEMORY, 0x101);
NUB_HAS(NUB_DERIVE_GONE, 16);

NUB_HAS(NUB_GUEST_AWAKE, 0);
NUB_HAS(NUB_GUEST_IDLE, 1);
NUB_HAS(NUB_GUEST_DEAD, 2);
NUB_HAS(NUB_REQUEST_BOOT_INFO, 1);
NUB_HAS(NUB_REQUEST_HEAP_STATS, 2);
NUB_HAS(NUB_REQUEST_INVOKE_CACHED, 3);
NUB_HAS(NUB_REQUEST_CAP_ROOM, 4);
NUB_HAS(NUB_REQUEST_PUT_CAP, 5);
NUB_HAS(NUB_REQUEST_DROP_CAP, 6);
NUB_HAS(NUB_REQUEST_CONTAINS, 7);
NUB_HAS(NUB_REQUEST_EVICT, 8);
NUB_HAS(NUB_REQUEST_STATS, 9);
NUB_HAS(NUB_REQUEST_SHED, 10);
NUB_HAS(NUB_REQUEST_SESSION_OPEN, 16);
NUB_HAS(NUB_REQUEST_SESSION_RUN, 17);
NUB_HAS(NUB_REQUEST_SESSION_OWN, 21);
NUB_HAS(NUB_REQUEST_SESSION_MAP, 22);
NUB_HAS(NUB_REQUEST_SESSION_PAGES, 23);
NUB_HAS(NUB_REQUEST_SESSION_CLOSE, 24);
NUB_HAS(NUB_REQUEST_SESSION_DERIVE, 25);
NUB_HAS(NUB_REQUEST_SMOKE, 42);

#undef NUB_HAS
#undef NUB_AT
#undef NUB_IS

#endif
