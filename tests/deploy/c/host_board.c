/* A board that is this host: what the harness says goes to standard output, and nothing is counted. */
#include <stdio.h>
#include <stdlib.h>

#include "counter.h"
#include "say.h"

void counter_start(void) {}

const char *counter_name(void) { return "none"; }

uint32_t counter_core(void) { return 0; }

uint32_t counter_maker(void) { return 0; }

int counter_nothing(void *arena, const void *sample)
{
    (void)arena;
    (void)sample;
    return 0;
}

int counter_call(int (*function)(void *, const void *), void *arena, const void *sample, int32_t *count)
{
    static int32_t calls;
    *count = calls++; /* every call more than the one that does nothing, as a counter that runs would say */
    return function(arena, sample);
}

void say(const char *text) { fputs(text, stdout); }

void say_no_more(void)
{
    fflush(stdout);
    _Exit(0);
}
