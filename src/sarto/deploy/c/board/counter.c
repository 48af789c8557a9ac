/* Cycle counters: DWT or SysTick of a Cortex-M (Arm DDI 0403, B3.3 and C1.8), mcycle of a RISC-V core. */
#include "counter.h"

int counter_nothing(void *arena, const void *sample)
{
    (void)arena;
    (void)sample;
    return 0;
}

#if defined(__riscv)

/* The assembler takes reading a register of the core for an extension of its own. */
#define CSR(text) ".option push\n.option arch, +zicsr\n" text "\n.option pop"

/* mcountinhibit: cores may start with their counters stopped (RISC-V Privileged Architecture, 3.1.12). */
void counter_start(void) { __asm__ volatile(CSR("csrw 0x320, zero") : : : "memory"); }

static uint32_t counter_now(void)
{
    uint32_t value;
    __asm__ volatile(CSR("csrr %0, 0xb00") : "=r"(value) : : "memory");
    return value;
}

static int32_t counter_since(uint32_t start) { return (int32_t)(counter_now() - start); }

const char *counter_name(void) { return "mcycle"; }

uint32_t counter_core(void)
{
    uint32_t value;
    __asm__ volatile(CSR("csrr %0, 0xf12") : "=r"(value));
    return value;
}

uint32_t counter_maker(void)
{
    uint32_t value;
    __asm__ volatile(CSR("csrr %0, 0xf11") : "=r"(value));
    return value;
}

#else

static volatile uint32_t *const systick = (volatile uint32_t *)0xe000e010u;
static volatile uint32_t *const demcr = (volatile uint32_t *)0xe000edfcu;
static volatile uint32_t *const dwt = (volatile uint32_t *)0xe0001000u;
static int has_cyccnt;

uint32_t counter_core(void) { return *(volatile uint32_t *)0xe000ed00u; }

uint32_t counter_maker(void)
{
    const volatile uint32_t *identity = (const volatile uint32_t *)0xe000efe0u;
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value |= (identity[i] & 0xffu) << 8 * i;
    return value;
}

void counter_start(void)
{
    systick[1] = 0xffffffu;
    systick[2] = 0;
    systick[0] = 5; /* the core's clock, no interrupt */
#if !defined(__ARM_ARCH_6M__)
    *demcr |= 1u << 24;
    dwt[0x3ec] = 0xc5acce55u; /* the lock of a Cortex-M7's unit; elsewhere nothing is there */
    dwt[1] = 0;
    dwt[0] |= 1;
    has_cyccnt = (dwt[0] & 1) && dwt[1] != dwt[1];
#else
    (void)demcr;
    (void)dwt;
#endif
}

/* The timer counts 24 bits down: every call starts it anew, so that its flag tells when it ran through. */
static uint32_t counter_now(void)
{
    if (has_cyccnt)
        return dwt[1];
    systick[2] = 0;
    return 0;
}

static int32_t counter_since(uint32_t start)
{
    if (has_cyccnt)
        return (int32_t)(dwt[1] - start);
    const uint32_t now = systick[2];
    return systick[0] & 1u << 16 ? COUNTER_FULL : (int32_t)(0xffffffu - now);
}

const char *counter_name(void) { return has_cyccnt ? "cyccnt" : "systick"; }

#endif

int counter_call(int (*function)(void *, const void *), void *arena, const void *sample, int32_t *count)
{
    const uint32_t start = counter_now();
    const int index = function(arena, sample);
    *count = counter_since(start);
    if (*count < 0)
        *count = COUNTER_FULL;
    return index;
}
