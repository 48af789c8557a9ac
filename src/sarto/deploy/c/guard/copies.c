/* Tables that lie in flash twice. The last word of each copy brings the sum over its words to @TOTAL@, whatever
   compiler links them. */
typedef union {
    struct {
@MEMBERS@
        uint32_t last[@FILLING@];
    } of;
    uint32_t words[@WORDS@];
} kept_tables;
typedef char kept_tables_have_no_gaps[sizeof(kept_tables) == 4 * @WORDS@ ? 1 : -1];

static const kept_tables kept[2] = {
@VALUES@,
@VALUES@};

/* The first copy is read where this is 0, the second where it is any other number: a wrong bit in it leads to the other
   copy, never to none. */
static uint32_t second;
#define KEPT (kept[second != 0].of)
@NAMES@

/* Unrolled by more, loops of the guard would only take flash. */
#if defined(__clang__)
#define KEPT_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define KEPT_ROLLED
#endif
#define KEPT_WORD(i) sum = (sum << 31 | sum >> 1) ^ at[i];

__attribute__((noinline)) static int copy_is_sound(int number)
{
    /* Read anew each time: a compiler that knows what it wrote there could leave the sum out. */
    const volatile uint32_t *at = kept[number].words, *end = at + @WORDS@;
    uint32_t sum = 0;
    KEPT_ROLLED
    do {
        KEPT_WORD(0) KEPT_WORD(1) KEPT_WORD(2) KEPT_WORD(3)
        at += 4;
    } while (at != end);
    return sum == @TOTAL@;
}

/* Whether the copy that was read is sound. Where it is not, the other one is read from now on; where that is wrong as
   well there is no answer, and whatever watches the program starts it again. */
__attribute__((noinline)) static int copies_hold(void)
{
    const int number = second != 0;
    if (copy_is_sound(number))
        return 1;
    while (!copy_is_sound(!number)) {
    }
    *(volatile uint32_t *)&second = number ? 0 : 0xffffffffu;
    return 0;
}
