/* The emulated board and its counters: what the emulator calls back, per register access and per block of code.
   Compiled for this host; it writes only into the arrays it is given. */
#include <stdint.h>

enum { INIT, STEP, PREDICT, MAIN, FUNCTIONS };
enum { STATUS_IDLE, STATUS_SAMPLE, STATUS_END };
enum { OK, RUNAWAY, OUTSIDE_CODE, TOO_MANY_RESULTS };

typedef struct {
    /* the board: what the program reads and writes */
    const int32_t *words;       /* all sequences, step by step, channel by channel */
    const int64_t *steps;       /* of each sequence */
    int64_t sequences, channels, classes;
    int64_t sequence, step, channel, word;
    int32_t *results;           /* rows of sequence, step (-1: at the end), class, scores */
    int64_t rows, capacity, score;
    /* the counters */
    const uint32_t *ordinals;   /* instructions before each halfword of the flash */
    const uint8_t *weights;     /* instructions that a hook at each halfword stands for */
    uint64_t origin, halfwords;
    uint64_t entries[FUNCTIONS];
    uint64_t *counts[FUNCTIONS];/* instructions of each call */
    const uint32_t *cycles[2];  /* cycles before each halfword, at least and at most; or none */
    const uint32_t *taken[2];   /* more, where a branch ended there and the core goes on elsewhere */
    uint64_t *bounds[FUNCTIONS];/* cycles of each call, at least and at most */
    uint64_t cycled[2], cycled_before[2], previous;
    int64_t calls[FUNCTIONS], rooms[FUNCTIONS];
    int64_t inside;             /* the function that is being counted, or -1 */
    uint64_t back, began, total, since, limit;
    uint64_t lowest_stack;
    int64_t failure;
    /* the emulator */
    int (*reg_read)(void *, int, void *);
    int (*stop)(void *);
    int64_t link_register, stack_register;
} probe;

static void end(void *emulator, probe *p, int64_t failure)
{
    p->failure = failure;
    p->stop(emulator);
}

uint64_t board_read(void *emulator, uint64_t offset, unsigned size, void *user)
{
    probe *p = user;
    (void)size;
    p->since = p->total;
    if (offset == 4) {
        p->channel++;
        return (uint32_t)p->words[p->word++];
    }
    if (offset != 0)
        return 0;
    if (p->sequence == p->sequences) {
        end(emulator, p, OK);
        return STATUS_IDLE;
    }
    p->channel = 0;
    if (p->step < p->steps[p->sequence]) {
        p->step++;
        return STATUS_SAMPLE;
    }
    p->step = 0;
    p->sequence++;
    return STATUS_END;
}

void board_write(void *emulator, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    probe *p = user;
    int64_t width = 3 + p->classes;
    (void)size;
    if (offset == 8) {
        if (p->rows == p->capacity) {
            end(emulator, p, TOO_MANY_RESULTS);
            return;
        }
        int32_t *row = p->results + p->rows++ * width;
        row[0] = (int32_t)(p->step ? p->sequence : p->sequence - 1);
        row[1] = (int32_t)(p->step ? p->step - 1 : -1);
        row[2] = (int32_t)value;
        p->score = 0;
    } else if (offset == 12 && p->rows > 0 && p->score < p->classes) {
        p->results[(p->rows - 1) * width + 3 + p->score++] = (int32_t)value;
    }
}

/* Begins and ends the count of a call: at a function's first address, and where it returns to. */
static void follow(void *emulator, probe *p, uint64_t address)
{
    if (p->inside >= 0 && address == p->back) {
        int64_t call = p->calls[p->inside]++;
        if (call < p->rooms[p->inside]) {
            p->counts[p->inside][call] = p->total - p->began;
            for (int i = 0; i < 2; i++)
                p->bounds[p->inside][2 * call + i] = p->cycled[i] - p->cycled_before[i];
        }
        p->inside = -1;
    }
    if (p->inside >= 0)
        return;
    for (int f = 0; f < MAIN; f++)
        if (address == p->entries[f]) {
            uint32_t link = 0;
            p->reg_read(emulator, (int)p->link_register, &link);
            p->inside = f;
            p->back = link & ~1u;
            p->began = p->total;
            p->cycled_before[0] = p->cycled[0];
            p->cycled_before[1] = p->cycled[1];
        }
    if (address == p->entries[MAIN] && p->calls[MAIN] == 0)
        p->counts[MAIN][p->calls[MAIN]++] = p->total;
}

static void add(void *emulator, probe *p, uint64_t instructions)
{
    p->total += instructions;
    if (p->total - p->since > p->limit)
        end(emulator, p, RUNAWAY);
}

void on_block(void *emulator, uint64_t address, uint32_t size, void *user)
{
    probe *p = user;
    uint64_t first = (address - p->origin) / 2, last = first + size / 2;
    if (address < p->origin || last > p->halfwords) {
        end(emulator, p, OUTSIDE_CODE);
        return;
    }
    if (p->cycles[0] && p->previous != first)
        for (int i = 0; i < 2; i++)
            p->cycled[i] += p->taken[i][p->previous];
    p->previous = last;
    follow(emulator, p, address);
    add(emulator, p, p->ordinals[last] - p->ordinals[first]);
    if (p->cycles[0])
        for (int i = 0; i < 2; i++)
            p->cycled[i] += p->cycles[i][last] - p->cycles[i][first];
}

/* The same counts by another way, one by one, and the lowest stack pointer. */
void on_instruction(void *emulator, uint64_t address, uint32_t size, void *user)
{
    probe *p = user;
    uint32_t stack = 0;
    uint64_t at = (address - p->origin) / 2;
    (void)size;
    if (address < p->origin || at >= p->halfwords) {
        end(emulator, p, OUTSIDE_CODE);
        return;
    }
    p->reg_read(emulator, (int)p->stack_register, &stack);
    follow(emulator, p, address);
    /* Not before main: a RISC-V core makes its stack pointer in two steps, of which the first may lie far below. */
    if (p->calls[MAIN] && stack < p->lowest_stack)
        p->lowest_stack = stack;
    add(emulator, p, p->weights[at]);
}
