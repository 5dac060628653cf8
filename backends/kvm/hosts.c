/* hosts.c - host tables: the run goes on through callbacks (caps.md 4.6)
 *
 * A callback runs on the caller's thread, with no lock held, and reaches the program's memory where
 * it is (memory.c). How a call is answered is core/pvm/hostcall.c's. */
#include "kvm-private.h"
#include "hostcall.h"

static int32_t
read_memory(void *machine, uint64_t address, void *data, uint64_t size, struct nub_failure *failure)
{
    return nub_machine_read(machine, address, data, size, failure);
}

static int32_t
write_memory(void *machine, uint64_t address, const void *data, uint64_t size,
             struct nub_failure *failure)
{
    return nub_machine_write(machine, address, data, size, failure);
}

/* The program of the machine's image, which is mentioned by its instance and so stays while that is
 * pinned. */
static struct nub_program
program_of(struct nub_machine *machine)
{
    const struct nub_dir_entry *entry =
        nub_book_find_kept(machine->kvm, machine->entry->cap.u.instance.image);
    const struct nub_image *image = &entry->cap.u.image;

    return (struct nub_program){ .code = image->code.data,
                                 .code_size = (uint32_t)image->code.size,
                                 .mask = image->bitmask.data };
}

enum nub_status
nub_run_with_hosts(struct nub_machine *machine, const struct nub_host_table *hosts,
                   const struct nub_give_up *give_up, bool *finished, struct nub_failure *failure)
{
    struct nub_program program;

    if (hosts)
        program = program_of(machine);
    for (;;) {
        enum nub_status status = nub_machine_run(machine, give_up, failure);
        if (status || machine->reason != NUB_EXIT_HOST_CALL)
            return status;
        struct nub_host_call call = { .struct_size = sizeof call,
                                      .number = machine->arg,
                                      .regs = machine->regs,
                                      .gas = machine->gas,
                                      .machine = machine,
                                      .read = read_memory,
                                      .write = write_memory };
        enum nub_host_answer answer = nub_host_ask(hosts, &call, &machine->gas);
        if (answer == NUB_HOST_ANSWER_FAILED)
            return nub_fail(failure, NUB_ERR_HOST_CALL_FAILED, "host call %u: failed",
                            machine->arg);
        if (answer != NUB_HOST_ANSWER_GO_ON) {
            nub_host_end(
                answer, &call, &program,
                &(struct nub_host_end){ &machine->pc, &machine->reason, &machine->arg, finished });
            return NUB_OK;
        }
    }
}
