/* hosts.c - host tables: the run goes on through callbacks (caps.md 4.6)
 *
 * A callback runs on the caller's thread, with no lock held; what it sees of the program's memory
 * goes through the guest. */
#include "kvm-private.h"
#include "program.h"

static const struct nub_host_entry *
find(const struct nub_host_table *hosts, uint32_t number)
{
    uint32_t low = 0, high = hosts ? hosts->n_entries : 0;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (hosts->entries[mid].number == number)
            return &hosts->entries[mid];
        if (hosts->entries[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

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

/* The price was not paid: the program is back at its ecalli. */
static void
step_back(struct nub_machine *machine, const struct nub_dir_entry *image)
{
    const struct nub_image *code = &image->cap.u.image;
    const struct nub_program program = { .code = code->code.data,
                                         .code_size = (uint32_t)code->code.size,
                                         .mask = code->bitmask.data };

    machine->reason = NUB_EXIT_OUT_OF_GAS;
    machine->arg = 0;
    do {
        machine->pc--;
    } while (machine->pc > 0 && !nub_program_is_start(&program, machine->pc));
}

enum answer { GO_ON, END, FAIL };

static enum answer
ask(struct nub_machine *machine, const struct nub_host_entry *entry, bool *finished)
{
    struct nub_host_call call = { .struct_size = sizeof call,
                                  .number = machine->arg,
                                  .regs = machine->regs,
                                  .machine = machine,
                                  .read = read_memory,
                                  .write = write_memory };
    uint32_t verdict;

    machine->gas -= entry->price;
    call.gas = machine->gas;
    verdict = entry->call(entry->ctx, &call);
    if (call.gas < machine->gas)
        machine->gas = call.gas;
    if (verdict == NUB_HOST_CONTINUE)
        return GO_ON;
    if (verdict == NUB_HOST_FINISH) {
        machine->reason = NUB_EXIT_HALT;
        machine->arg = 0;
        machine->regs[7] = call.finish_value;
        *finished = true;
    }
    return verdict == NUB_HOST_FINISH || verdict == NUB_HOST_PAUSE ? END : FAIL;
}

/* The image of the machine's instance: mentioned by it, so it stays while the instance is pinned.
 */
static struct nub_dir_entry *
image_of(struct nub_machine *machine)
{
    return nub_book_find_kept(machine->kvm, machine->entry->cap.u.instance.image);
}

enum nub_status
nub_run_with_hosts(struct nub_machine *machine, const struct nub_host_table *hosts,
                   const struct nub_give_up *give_up, bool *finished, struct nub_failure *failure)
{
    for (;;) {
        enum nub_status status = nub_machine_run(machine, give_up, failure);
        const struct nub_host_entry *entry;

        if (status || machine->reason != NUB_EXIT_HOST_CALL)
            return status;
        entry = find(hosts, machine->arg);
        if (!entry)
            return NUB_OK;
        if (machine->gas < entry->price) {
            step_back(machine, image_of(machine));
            return NUB_OK;
        }
        switch (ask(machine, entry, finished)) {
        case GO_ON:
            break;
        case END:
            return NUB_OK;
        case FAIL:
            return nub_fail(failure, NUB_ERR_HOST_CALL_FAILED, "host call %u: failed",
                            machine->arg);
        }
    }
}
