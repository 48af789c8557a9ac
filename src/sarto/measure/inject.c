/* The emulated board of a campaign of faults, whose program may do anything: what the emulator calls back, per register
   access and per block of code. Compiled for this host; it writes only into the arrays it is given. */
#include <stdint.h>

enum { STATUS_IDLE, STATUS_SAMPLE, STATUS_END };
enum { RUNNING, FINISHED, PAUSED, BETWEEN, RUNAWAY, OUTSIDE_CODE, TOO_MANY_WORDS };

typedef struct {
    /* what moves on, and is put back */
    int64_t sequence, step, word;
    int64_t row, score;         /* the results that are being written */
    int64_t ended, looked;      /* a sequence has ended; and the program has looked at the board since */
    uint64_t total, since;      /* instructions, and how many there were at the last look */
    int64_t state;
    /* what stays */
    const int32_t *words;       /* all sequences, step by step, channel by channel */
    const int64_t *steps;       /* of each sequence */
    int64_t sequences, classes, word_count;
    int32_t *results;           /* of each sequence: class, scores */
    uint8_t *answered;          /* whether there is a class */
    const uint32_t *ordinals;   /* instructions before each halfword of the flash */
    uint64_t origin, halfwords;
    uint64_t longest;           /* instructions between two looks so far */
    uint64_t most_since, most;  /* allowed between two looks, and all in all */
    uint64_t pause;             /* stop before the block with which the total would pass this */
    int64_t between;            /* whether to stop before the first block after a sequence */
    uint8_t *touched;           /* of each byte of the flash, whether it was executed; or none */
    int (*stop)(void *);
    /* of faults that stay in RAM */
    uint8_t *ram;               /* what the emulator has there */
    uint64_t ram_origin, ram_b;
    uint8_t *read_as;           /* of each byte, the bits that were read as 0, and those read as 1; or none */
    const uint8_t *stuck0, *stuck1, *turned; /* of each byte, its faulty bits */
    uint8_t *fresh;             /* of each byte, whether it was written since its bits were turned */
    int64_t faulty;             /* whether there is a fault */
} injection;

static void end(void *emulator, injection *p, int64_t state)
{
    p->state = state;
    p->stop(emulator);
}

uint64_t injected_read(void *emulator, uint64_t offset, unsigned size, void *user)
{
    injection *p = user;
    (void)size;
    if (p->total - p->since > p->longest)
        p->longest = p->total - p->since;
    p->since = p->total;
    if (offset == 4) {
        if (p->word >= p->word_count) {
            end(emulator, p, TOO_MANY_WORDS);
            return 0;
        }
        return (uint32_t)p->words[p->word++];
    }
    if (offset != 0)
        return 0;
    p->looked = p->ended;
    if (p->sequence >= p->sequences) {
        end(emulator, p, FINISHED);
        return STATUS_IDLE;
    }
    if (p->step < p->steps[p->sequence]) {
        p->step++;
        return STATUS_SAMPLE;
    }
    p->step = 0;
    p->sequence++;
    p->ended = 1;
    p->looked = 0;
    return STATUS_END;
}

void injected_write(void *emulator, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    injection *p = user;
    (void)emulator;
    (void)size;
    if (offset == 8) {
        p->row = p->step == 0 ? p->sequence - 1 : -1;
        p->score = 0;
        if (p->row >= 0) {
            p->results[p->row * (1 + p->classes)] = (int32_t)value;
            p->answered[p->row] = 1;
        }
    } else if (offset == 12 && p->row >= 0 && p->score < p->classes) {
        p->results[p->row * (1 + p->classes) + 1 + p->score++] = (int32_t)value;
    }
}

void on_injected_block(void *emulator, uint64_t address, uint32_t size, void *user)
{
    injection *p = user;
    uint64_t first = (address - p->origin) / 2, last = first + size / 2;
    if (p->state != RUNNING)
        return;
    if (address < p->origin || last > p->halfwords) {
        end(emulator, p, OUTSIDE_CODE);
        return;
    }
    if (p->between && p->looked) {
        p->looked = p->ended = 0;
        end(emulator, p, BETWEEN);
        return;
    }
    uint64_t more = p->ordinals[last] - p->ordinals[first];
    /* A block of data that is run as code has no instructions of its own: it counts by its size. */
    more = more ? more : size / 2 + 1;
    if (p->total + more > p->pause) {
        p->pause = UINT64_MAX;
        end(emulator, p, PAUSED);
        return;
    }
    p->total += more;
    if (p->total - p->since > p->most_since || p->total > p->most)
        end(emulator, p, RUNAWAY);
    if (p->touched)
        for (uint64_t at = 2 * first; at < 2 * last; at++)
            p->touched[at] = 1;
}

/* Called before the program reads or writes RAM. A stuck bit is put again before each read, which is as good as after
   each write; one that is turned, once after each write. */
void on_injected_access(void *emulator, int kind, uint64_t address, int size, int64_t value, void *user)
{
    enum { WRITE = 17 };
    injection *p = user;
    (void)emulator;
    (void)value;
    for (uint64_t at = address - p->ram_origin; size > 0 && at < p->ram_b; at++, size--) {
        if (kind == WRITE) {
            p->fresh[at] = 1;
            continue;
        }
        if (p->read_as) {
            p->read_as[2 * at] |= (uint8_t)~p->ram[at];
            p->read_as[2 * at + 1] |= p->ram[at];
        }
        if (p->faulty) {
            uint8_t now = p->ram[at] & (uint8_t)~p->stuck0[at] | p->stuck1[at];
            p->ram[at] = p->fresh[at] ? now ^ p->turned[at] : now;
            p->fresh[at] = 0;
        }
    }
}
