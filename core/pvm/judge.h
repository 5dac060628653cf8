/* judge.h - what every backend asks of a call's arguments and of its exit (caps.md 4.2, 4.3, 4.5) */
#ifndef NUB_PVM_JUDGE_H
#define NUB_PVM_JUDGE_H

#include <nub/plugin.h>
#include <stdbool.h>

/** Where a call's input is laid, and the most that it may be. */
#define NUB_INPUT_ADDRESS 0xFEFF0000u
#define NUB_INPUT_MAX (1u << 24)

/** The gas model and mem_cycles of a call or a session, 0 for the kernel's: INVALID_ARGUMENT. */
enum nub_status nub_judge_gas_setting(uint32_t gas_model, uint32_t mem_cycles, struct nub_failure *failure);
/** What comes before everything that the instance decides: INVALID_ARGUMENT, INPUT_TOO_LONG. */
enum nub_status nub_judge_call(const struct nub_call *call, bool resume, struct nub_failure *failure);
/** Whether a commit after this exit makes a successor; that of a session does after more exits. */
bool nub_exit_has_successor(uint32_t exit_reason, bool session);

#endif
