/* Text to the debugger by semihosting (Arm, "Semihosting for AArch32 and AArch64": SYS_WRITE0 and SYS_EXIT). */
#include <stdint.h>

#include "say.h"

enum { SYS_WRITE0 = 0x04, SYS_EXIT = 0x18, APPLICATION_EXIT = 0x20026 };

static void semihosting(uint32_t operation, uint32_t parameter)
{
#if defined(__riscv)
    register uint32_t a0 __asm__("a0") = operation;
    register uint32_t a1 __asm__("a1") = parameter;
    __asm__ volatile(".option push\n.option norvc\n.balign 16\nslli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
#else
    register uint32_t r0 __asm__("r0") = operation;
    register uint32_t r1 __asm__("r1") = parameter;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
#endif
}

void say(const char *text) { semihosting(SYS_WRITE0, (uint32_t)(uintptr_t)text); }

void say_no_more(void) { semihosting(SYS_EXIT, APPLICATION_EXIT); }
