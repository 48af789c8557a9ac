/* Reset of a Cortex-M or a RISC-V core: copies initialised data to RAM, zeroes the rest, calls main. */
#include <stdint.h>

extern uint32_t stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[];

/* These loops run once; unrolled they would only take flash. */
#if defined(__clang__)
#define ROLLED _Pragma("clang loop unroll(disable)")
#else
#define ROLLED
#endif

/* Makes the stack's section one of variables without initial values: tools such as size count it as RAM then. */
__asm__(".pushsection .stack,\"aw\",%nobits\n.popsection");

int main(void);
void reset(void);
void fault(void) __attribute__((aligned(4), used));

void reset(void)
{
    const uint32_t *from = data_load;
    ROLLED
    for (uint32_t *to = data_start; to < data_end; to++)
        *to = *from++;
    ROLLED
    for (uint32_t *to = bss_start; to < bss_end; to++)
        *to = 0;
    main();
    fault();
}

void fault(void)
{
    for (;;) {
    }
}

#if defined(__riscv)
/* The first instructions: on to the address that this is linked for, since a part may start with its flash mapped at 0
   as well; then the stack pointer, and where every trap goes (csrw mtvec, t0). */
__asm__(".pushsection .vectors,\"ax\"\n.globl start\nstart:\n"
        "lui t0, %hi(linked)\naddi t0, t0, %lo(linked)\njr t0\n.globl linked\nlinked:\n"
        "la sp, stack_top\nla t0, fault\n.4byte 0x30529073\nj reset\n.popsection");
#else
/* The 16 vectors that the architecture defines; a board that uses interrupts appends its own. */
typedef struct {
    const uint32_t *stack;
    void (*handlers[15])(void);
} vector_table;

__attribute__((section(".vectors"), used)) const vector_table vectors = {
    stack_top,
    {reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault},
};
#endif
