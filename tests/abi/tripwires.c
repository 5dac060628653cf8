/* tripwires.c - every size, offset and constant of the plugin ABI, written down a second time
 *
 * If a line here does not compile, a module that somebody built yesterday breaks today. Do not just
 * change the number: read docs/plugin-abi.md. What is new goes at the tail of its struct and gets
 * lines of its own here; what exists keeps its place and meaning as long as NUB_ABI_VERSION is 1.
 * Offsets are those of 64-bit machines.
 */
#include <nub/plugin.h>
#include <stddef.h>

#define SIZE(type, size) _Static_assert(sizeof(struct type) == (size), "size of " #type)
#define AT(type, member, offset)                                                                   \
    _Static_assert(offsetof(struct type, member) == (offset), #type "." #member " has moved")
#define IS(constant, value) _Static_assert((constant) == (value), #constant " has changed")

#if UINTPTR_MAX == UINT64_MAX

SIZE(nub_hash, 32);
AT(nub_hash, bytes, 0);

SIZE(nub_result, 24);
AT(nub_result, exit_reason, 0);
AT(nub_result, exit_arg, 4);
AT(nub_result, return_value, 8);
AT(nub_result, gas_remaining, 16);

SIZE(nub_failure, 256);
AT(nub_failure, struct_size, 0);
AT(nub_failure, code, 4);
AT(nub_failure, hash, 8);
AT(nub_failure, address, 40);
AT(nub_failure, message, 48);

SIZE(nub_slice, 16);
AT(nub_slice, data, 0);
AT(nub_slice, size, 8);

SIZE(nub_bytes, 32);
AT(nub_bytes, data, 0);
AT(nub_bytes, size, 8);
AT(nub_bytes, release, 16);
AT(nub_bytes, ctx, 24);

SIZE(nub_backend_ref, 16);
AT(nub_backend_ref, ops, 0);
AT(nub_backend_ref, backend, 8);

SIZE(nub_host, 40);
AT(nub_host, struct_size, 0);
AT(nub_host, reserved, 4);
AT(nub_host, ctx, 8);
AT(nub_host, log, 16);
AT(nub_host, open_backend, 24);
AT(nub_host, fetch_cap, 32);

SIZE(nub_option_desc, 40);
AT(nub_option_desc, name, 0);
AT(nub_option_desc, type, 8);
AT(nub_option_desc, reserved, 12);
AT(nub_option_desc, default_value, 16);
AT(nub_option_desc, choices, 24);
AT(nub_option_desc, summary, 32);

SIZE(nub_option, 16);
AT(nub_option, name, 0);
AT(nub_option, value, 8);

SIZE(nub_create_args, 40);
AT(nub_create_args, struct_size, 0);
AT(nub_create_args, gas_model, 4);
AT(nub_create_args, mem_cycles, 8);
AT(nub_create_args, n_options, 12);
AT(nub_create_args, options, 16);
AT(nub_create_args, host, 24);
AT(nub_create_args, name, 32);

SIZE(nub_invoke_args, 80);
AT(nub_invoke_args, struct_size, 0);
AT(nub_invoke_args, endpoint, 4);
AT(nub_invoke_args, instance, 8);
AT(nub_invoke_args, args, 40);
AT(nub_invoke_args, gas, 72);

SIZE(nub_host_call, 56);
AT(nub_host_call, struct_size, 0);
AT(nub_host_call, number, 4);
AT(nub_host_call, regs, 8);
AT(nub_host_call, gas, 16);
AT(nub_host_call, finish_value, 24);
AT(nub_host_call, machine, 32);
AT(nub_host_call, read, 40);
AT(nub_host_call, write, 48);

SIZE(nub_host_entry, 32);
AT(nub_host_entry, number, 0);
AT(nub_host_entry, reserved, 4);
AT(nub_host_entry, price, 8);
AT(nub_host_entry, call, 16);
AT(nub_host_entry, ctx, 24);

SIZE(nub_host_table, 16);
AT(nub_host_table, struct_size, 0);
AT(nub_host_table, n_entries, 4);
AT(nub_host_table, entries, 8);

SIZE(nub_call, 280);
AT(nub_call, struct_size, 0);
AT(nub_call, flags, 4);
AT(nub_call, endpoint, 8);
AT(nub_call, gas_model, 12);
AT(nub_call, mem_cycles, 16);
AT(nub_call, reserved, 20);
AT(nub_call, instance, 24);
AT(nub_call, args, 56);
AT(nub_call, gas, 88);
AT(nub_call, regs, 96);
AT(nub_call, input, 200);
AT(nub_call, max_output, 216);
AT(nub_call, expected_head, 224);
AT(nub_call, deadline_ns, 256);
AT(nub_call, cancel, 264);
AT(nub_call, hosts, 272);

SIZE(nub_outcome, 96);
AT(nub_outcome, struct_size, 0);
AT(nub_outcome, output_flag, 4);
AT(nub_outcome, result, 8);
AT(nub_outcome, successor, 32);
AT(nub_outcome, output, 64);

SIZE(nub_session_args, 88);
AT(nub_session_args, struct_size, 0);
AT(nub_session_args, endpoint, 4);
AT(nub_session_args, gas_model, 8);
AT(nub_session_args, mem_cycles, 12);
AT(nub_session_args, instance, 16);
AT(nub_session_args, args, 48);
AT(nub_session_args, gas, 80);

SIZE(nub_heap_stats, 40);
AT(nub_heap_stats, struct_size, 0);
AT(nub_heap_stats, reserved, 4);
AT(nub_heap_stats, allocated_bytes, 8);
AT(nub_heap_stats, allocations, 16);
AT(nub_heap_stats, fragments, 24);
AT(nub_heap_stats, available, 32);

SIZE(nub_changes, 32);
AT(nub_changes, struct_size, 0);
AT(nub_changes, reserved, 4);
AT(nub_changes, ctx, 8);
AT(nub_changes, header, 16);
AT(nub_changes, page, 24);

SIZE(nub_backend_ops, 256);
AT(nub_backend_ops, struct_size, 0);
AT(nub_backend_ops, features, 4);
AT(nub_backend_ops, create, 8);
AT(nub_backend_ops, destroy, 16);
AT(nub_backend_ops, put_cap, 24);
AT(nub_backend_ops, invoke_cached, 32);
AT(nub_backend_ops, state_root, 40);
AT(nub_backend_ops, put_cap_with_hash, 48);
AT(nub_backend_ops, contains, 56);
AT(nub_backend_ops, get_cap, 64);
AT(nub_backend_ops, drop_cap, 72);
AT(nub_backend_ops, refcount, 80);
AT(nub_backend_ops, invoke, 88);
AT(nub_backend_ops, resume, 96);
AT(nub_backend_ops, set_state_root, 104);
AT(nub_backend_ops, session_open, 112);
AT(nub_backend_ops, session_run, 120);
AT(nub_backend_ops, session_get_regs, 128);
AT(nub_backend_ops, session_set_regs, 136);
AT(nub_backend_ops, session_get_pc, 144);
AT(nub_backend_ops, session_set_pc, 152);
AT(nub_backend_ops, session_get_gas, 160);
AT(nub_backend_ops, session_set_gas, 168);
AT(nub_backend_ops, session_read, 176);
AT(nub_backend_ops, session_write, 184);
AT(nub_backend_ops, session_map, 192);
AT(nub_backend_ops, session_commit, 200);
AT(nub_backend_ops, session_close, 208);
AT(nub_backend_ops, session_interrupt, 216);
AT(nub_backend_ops, heap_stats, 224);
AT(nub_backend_ops, stats, 232);
AT(nub_backend_ops, evict, 240);
AT(nub_backend_ops, get_changes, 248);

SIZE(nub_store_args, 24);
AT(nub_store_args, struct_size, 0);
AT(nub_store_args, n_options, 4);
AT(nub_store_args, options, 8);
AT(nub_store_args, host, 16);

SIZE(nub_store_cap, 48);
AT(nub_store_cap, hash, 0);
AT(nub_store_cap, wire, 32);

SIZE(nub_store_name, 40);
AT(nub_store_name, name, 0);
AT(nub_store_name, hash, 8);

SIZE(nub_store_batch, 64);
AT(nub_store_batch, struct_size, 0);
AT(nub_store_batch, n_caps, 4);
AT(nub_store_batch, caps, 8);
AT(nub_store_batch, n_names, 16);
AT(nub_store_batch, n_removed, 20);
AT(nub_store_batch, names, 24);
AT(nub_store_batch, removed, 32);
AT(nub_store_batch, n_parts, 40);
AT(nub_store_batch, n_removed_parts, 44);
AT(nub_store_batch, parts, 48);
AT(nub_store_batch, removed_parts, 56);

SIZE(nub_store_ops, 88);
AT(nub_store_ops, struct_size, 0);
AT(nub_store_ops, features, 4);
AT(nub_store_ops, create, 8);
AT(nub_store_ops, destroy, 16);
AT(nub_store_ops, get, 24);
AT(nub_store_ops, contains, 32);
AT(nub_store_ops, write, 40);
AT(nub_store_ops, get_name, 48);
AT(nub_store_ops, each_cap, 56);
AT(nub_store_ops, each_name, 64);
AT(nub_store_ops, get_part, 72);
AT(nub_store_ops, each_part, 80);

SIZE(nub_plugin, 64);
AT(nub_plugin, abi_version, 0);
AT(nub_plugin, struct_size, 4);
AT(nub_plugin, name, 8);
AT(nub_plugin, version, 16);
AT(nub_plugin, summary, 24);
AT(nub_plugin, options, 32);
AT(nub_plugin, n_options, 40);
AT(nub_plugin, ops, 48);
AT(nub_plugin, store_ops, 56);

#endif

IS(NUB_EXIT_HALT, 0);
IS(NUB_EXIT_PANIC, 1);
IS(NUB_EXIT_OUT_OF_GAS, 2);
IS(NUB_EXIT_PAGE_FAULT, 3);
IS(NUB_EXIT_HOST_CALL, 4);
IS(NUB_EXIT_ECALL, 6);
IS(NUB_EXIT_TRAP, 7);
IS(NUB_GAS_DEFAULT, 0);
IS(NUB_GAS_PIPELINE, 1);
IS(NUB_GAS_POLKAVM, 2);
IS(NUB_GAS_INSTRUCTION, 3);
IS(NUB_LOG_ERROR, 0);
IS(NUB_LOG_WARNING, 1);
IS(NUB_LOG_INFO, 2);
IS(NUB_LOG_DEBUG, 3);
IS(NUB_OPTION_STRING, 0);
IS(NUB_OPTION_BOOL, 1);
IS(NUB_OPTION_UINT, 2);
IS(NUB_OPTION_SIZE, 3);
IS(NUB_OPTION_DURATION, 4);
IS(NUB_OPTION_CHOICE, 5);
IS(NUB_CALL_INPUT, 1);
IS(NUB_CALL_OUTPUT, 2);
IS(NUB_CALL_COMMIT, 4);
IS(NUB_CALL_ADVANCE, 8);
IS(NUB_CALL_EXPECTED_HEAD, 16);
IS(NUB_CALL_REGS, 32);
IS(NUB_HOST_CONTINUE, 0);
IS(NUB_HOST_FINISH, 1);
IS(NUB_HOST_FAIL, 2);
IS(NUB_HOST_PAUSE, 3);
IS(NUB_HOST_OUT_OF_GAS, 4);
IS(NUB_OUTPUT_NONE, 0);
IS(NUB_OUTPUT_UNREADABLE, 1);
IS(NUB_OUTPUT_TOO_LONG, 2);
IS(NUB_ACCESS_READ_ONLY, 0);
IS(NUB_ACCESS_READ_WRITE, 1);
IS(NUB_ABI_VERSION, 1);
IS(NUB_N_REGS, 13);
IS(NUB_PAGE_SIZE, 4096);
IS(NUB_HALT_ADDRESS, 0xFFFF0000u);
IS(NUB_ERR_BAD_ENCODING, 1);
IS(NUB_ERR_NOT_FOUND, 2);
IS(NUB_ERR_HASH_MISMATCH, 3);
IS(NUB_ERR_NOT_HELD, 4);
IS(NUB_ERR_NOT_PUBLISHED, 5);
IS(NUB_ERR_NOT_AN_INSTANCE, 6);
IS(NUB_ERR_PAUSED, 7);
IS(NUB_ERR_NOT_PAUSED, 8);
IS(NUB_ERR_IMAGE_MISSING, 9);
IS(NUB_ERR_NOT_AN_IMAGE, 10);
IS(NUB_ERR_UNSUPPORTED_ISA, 11);
IS(NUB_ERR_ENDPOINT_RANGE, 12);
IS(NUB_ERR_PROGRAM_INVALID, 13);
IS(NUB_ERR_MEMORY_INVALID, 14);
IS(NUB_ERR_INPUT_TOO_LONG, 15);
IS(NUB_ERR_INPUT_REFUSED, 16);
IS(NUB_ERR_CONFLICT, 17);
IS(NUB_ERR_INVALID_ARGUMENT, 18);
IS(NUB_ERR_NOT_SUPPORTED, 19);
IS(NUB_ERR_NOT_MAPPED, 20);
IS(NUB_ERR_ALREADY_MAPPED, 21);
IS(NUB_ERR_NO_SPACE, 22);
IS(NUB_ERR_NO_MEMORY, 23);
IS(NUB_ERR_HOST_CALL_FAILED, 24);
IS(NUB_ERR_TIMED_OUT, 25);
IS(NUB_ERR_CANCELLED, 26);
IS(NUB_ERR_GUEST_CORRUPT, 27);
IS(NUB_ERR_GUEST_LOST, 28);
IS(NUB_ERR_UNAVAILABLE, 29);
IS(NUB_ERR_SYSTEM, 30);
IS(NUB_ERR_DIFFERENCE, 31);
IS(NUB_GAS_MAX, 0x7FFFFFFFFFFFFFFF);

/* The name that every module exports. */
_Static_assert(sizeof(NUB_PLUGIN_ENTRY) == sizeof("nub_plugin_entry"), "the entry's name");

/* Widths that the layout leans on. */
_Static_assert(sizeof(enum nub_status) == 4, "an enum nub_status travels as int32_t");

int
main(void)
{
    return 0;
}
