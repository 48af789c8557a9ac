/* The largest and the smallest of products of 8 bits each, which have 16: with DSP two at a time, in the halves of a word. */
typedef struct {
    scaling scale;
    const int8_t *weights; /* rows; or those that were kept, each with how far it lies behind the one before */
    const void *count;     /* of each run how many were kept, or 0 */
    uint16_t rows, splits, length; /* outputs of a group, runs of a row, numbers of a run */
    uint16_t wide;         /* whether counts have 16 bits */
} mam_layer;

#if WORDS_DSP
#define NO_LARGEST 0x80008000u
#define NO_SMALLEST 0x7fff7fffu
typedef uint32_t extreme;

/* a b of the lower halves, and of the upper ones. */
PERHAPS static inline uint32_t products(uint32_t a, uint32_t b)
{
    uint32_t found, upper;
    __asm__("smulbb %0, %2, %3\n\t"
            "smultt %1, %2, %3\n\t"
            "pkhbt %0, %0, %1, lsl #16"
            : "=&r"(found), "=r"(upper)
            : "r"(a), "r"(b));
    return found;
}

/* p and q times the lower half of b, and the upper one. */
PERHAPS static inline uint32_t products_of(int32_t p, int32_t q, uint32_t b)
{
    uint32_t found, upper;
    __asm__("smulbb %0, %2, %4\n\t"
            "smulbt %1, %3, %4\n\t"
            "pkhbt %0, %0, %1, lsl #16"
            : "=&r"(found), "=r"(upper)
            : "r"(p), "r"(q), "r"(b));
    return found;
}

/* One product in both halves. */
static inline uint32_t doubled(int32_t product)
{
    return ((uint32_t)product & 0xffff) | (uint32_t)product << 16;
}

static inline void spread(uint32_t two, extreme *largest, extreme *smallest)
{
    uint32_t difference;
    __asm__("ssub16 %2, %3, %0\n\t"
            "sel %0, %3, %0\n\t"
            "ssub16 %2, %1, %3\n\t"
            "sel %1, %3, %1"
            : "+r"(*largest), "+r"(*smallest), "=&r"(difference)
            : "r"(two));
}

static inline int32_t sum_of(extreme largest, extreme smallest)
{
    const int16_t a = (int16_t)largest, b = (int16_t)(largest >> 16);
    const int16_t c = (int16_t)smallest, d = (int16_t)(smallest >> 16);
    return (a > b ? a : b) + (c < d ? c : d);
}
#else
#define NO_LARGEST INT32_MIN
#define NO_SMALLEST INT32_MAX
typedef int32_t extreme;

static inline void spread(int32_t product, extreme *largest, extreme *smallest)
{
    *largest = product > *largest ? product : *largest;
    *smallest = product < *smallest ? product : *smallest;
}

static inline int32_t sum_of(extreme largest, extreme smallest)
{
    return largest + smallest;
}
#endif

/* Makes the number of a sum that has its bias already. */
static inline void settle_output(const mam_layer *l, int output, int32_t acc, void *y, int at)
{
    settle_any(&l->scale, l->scale.row + 2 * output, acc, y, at);
}

static inline int32_t bias_of(const mam_layer *l, int output)
{
    return l->scale.row[2 * output];
}
