#if WORDS_DSP
/* Four numbers times four columns of four rows; the order is kept, since the registers just suffice. */
#define FOUR_BY_FOUR(at, even_of, odd_of)                             \
    do {                                                              \
        const uint32_t word = loaded(x + (at));                       \
        const int16x2_t first = even_of(word), second = odd_of(word); \
        a = four_products(w + 4 * (at), first, second, a);            \
        b = four_products(w + 4 * (at) + 4, first, second, b);        \
        IN_ORDER(w, a, b);                                            \
        c = four_products(w + 4 * (at) + 8, first, second, c);        \
        d = four_products(w + 4 * (at) + 12, first, second, d);       \
        IN_ORDER(w, c, d);                                            \
    } while (0)
#endif
/* Rows of weights times a patch of `taps` numbers, a multiple of four: four rows at a time, interleaved as in dense.c, and
   then those that are left, one after the other. Weights beside the patch are 0, so that what is read there is nothing. */
#if CHECKED
/* Returns the sum of their sums. */
SEPARATE static uint32_t rows_number(const scaling *s, const int32_t *row, const int8_t *w, const number_t *v, int taps,
                                     int rows, void *y, int at)
#else
SEPARATE static void rows_number(const scaling *s, const int32_t *row, const int8_t *w, const number_t *v, int taps,
                                 int rows, void *y, int at)
#endif
{
    const number_t *const end = v + taps;
    int left = rows % 4;
#if CHECKED
    uint32_t sum = 0;
#endif
    for (rows -= left; rows > 0; rows -= 4, at += 4, row += 8) {
        int32_t a = row[0], b = row[2], c = row[4], d = row[6];
        const number_t *x = v;
#if WORDS_DSP
        if (taps % 8) {
            FOUR_BY_FOUR(0, even_number, odd_number);
            x += 4, w += 16;
        }
        for (; x != end; x += 8, w += 32) {
            FOUR_BY_FOUR(0, even_number, odd_number);
            FOUR_BY_FOUR(4, even_number, odd_number);
        }
#else
        for (; x != end; x += 4, w += 16) {
            const int32_t p = x[0], q = x[1], r = x[2], t = x[3];
            a += w[0] * p + w[1] * q + w[2] * r + w[3] * t;
            b += w[4] * p + w[5] * q + w[6] * r + w[7] * t;
            c += w[8] * p + w[9] * q + w[10] * r + w[11] * t;
            d += w[12] * p + w[13] * q + w[14] * r + w[15] * t;
        }
#endif
#if CHECKED
        sum += (uint32_t)a + (uint32_t)b + (uint32_t)c + (uint32_t)d;
#endif
        if (s->kind == WIDE) {
            int32_t *const scores = (int32_t *)y + at;
            scores[0] = high_word(a, row[1]);
            scores[1] = high_word(b, row[3]);
            scores[2] = high_word(c, row[5]);
            scores[3] = high_word(d, row[7]);
            continue;
        }
        settle_two(s, row, a, b, y, at);
        settle_two(s, row + 4, c, d, y, at + 2);
    }
    for (; left > 0; left--, at++, row += 2) {
        int32_t a = row[0];
        for (const number_t *x = v; x != end; x += 4, w += 4) {
#if WORDS_DSP
            const uint32_t word = loaded(x);
            a = four_products(w, even_number(word), odd_number(word), a);
#else
            a += w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + w[3] * x[3];
#endif
        }
#if CHECKED
        sum += (uint32_t)a;
#endif
        settle_any(s, row, a, y, at);
    }
#if CHECKED
    return sum;
#endif
}
