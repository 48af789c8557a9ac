/* Four numbers of 8 bits read as one word, where a core multiplies two pairs of 16 bits at a time. */
#if defined(__GNUC__)
#define SEPARATE __attribute__((noinline)) /* within a larger function the registers would not suffice */
#define PERHAPS __attribute__((unused))    /* not every network calls it */
#else
#define SEPARATE
#define PERHAPS
#endif

#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>
#define WORDS_DSP 1
#if defined(__OPTIMIZE_SIZE__)
#define UNROLLED
#else
#define UNROLLED _Pragma("GCC unroll 2")
#endif

/* Clang would reckon two pointers of a loop from its count, which takes more registers than there are. */
#if defined(__clang__)
#define POINTERS(a, b) __asm__("" : "+r"(a), "+r"(b))
#else
#define POINTERS(a, b)
#endif

/* What is reckoned before and what is reckoned after are not mixed. */
#define IN_ORDER(a, b, c) __asm__("" : "+r"(a), "+r"(b), "+r"(c))

static inline uint32_t loaded(const void *at)
{
    uint32_t word;
    __builtin_memcpy(&word, at, 4);
    return word;
}

/* Bytes 0 and 2, and bytes 1 and 3, as two numbers of 16 bits each. */
PERHAPS static inline int16x2_t even(uint32_t word)
{
    return __sxtb16((int8x4_t)word);
}

PERHAPS static inline int16x2_t odd(uint32_t word)
{
    int16x2_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
}
#else
#define WORDS_DSP 0
#define UNROLLED
#endif
