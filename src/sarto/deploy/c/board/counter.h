/* Counts cycles: the core's own counter where it has one, else its timer. */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

void counter_start(void);
/* `cyccnt` or `systick` of a Cortex-M, `mcycle` of a RISC-V core. */
const char *counter_name(void);
/* Calls the function and says how much was counted; every call is counted in the same way. COUNTER_FULL says that the
   counter could not hold it. */
enum { COUNTER_FULL = -1 };
int counter_call(int (*function)(void *, const void *), void *arena, const void *sample, int32_t *count);
/* A function that does nothing, to tell what counting adds: it has two instructions, and returns 0. */
int counter_nothing(void *arena, const void *sample);
/* What the core says it is: CPUID of a Cortex-M, marchid of a RISC-V core. */
uint32_t counter_core(void);
/* Who says so: designer and part of the system control space of a Cortex-M, as in its peripheral ID registers 0 to 3,
   the lowest byte first; mvendorid of a RISC-V core. */
uint32_t counter_maker(void);

#endif
