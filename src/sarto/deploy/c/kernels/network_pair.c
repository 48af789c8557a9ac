/* As `rows_number`, of two places at a time, whose words lie in turn in `v` and whose numbers go to `at` and to `next`:
   two rows of weights times two places, so that each word is taken apart once for two products. */
#if PAIRS
#if WORDS_DSP
#if CHECKED_CONV
/* Adds the sums of the first place to `sums[0]`, and those of the second to `sums[1]`. */
SEPARATE static void pair_number(const scaling *s, const int32_t *row, const int8_t *w, const uint32_t *v, int taps,
                                 int rows, void *y, int at, int next, uint32_t *sums)
#else
SEPARATE static void pair_number(const scaling *s, const int32_t *row, const int8_t *w, const uint32_t *v, int taps,
                                 int rows, void *y, int at, int next)
#endif
{
    const uint32_t *const end = v + taps / 2;
    const int left = rows % 4;
    int back = 8; /* to the two other rows of the four that lie together, or to the next four */
    for (rows -= left; rows > 0; rows -= 2, at += 2, next += 2, row += 4) {
        int32_t a = row[0], b = row[2], c = a, d = b;
        const int8_t *p = w;
        for (const uint32_t *x = v; x != end; x += 2) {
            POINTERS(p, x);
            const int16x2_t e = even_number(x[0]), f = odd_number(x[0]), g = even_number(x[1]), h = odd_number(x[1]);
            const uint32_t one = four_weights(p);
            p += 4;
            a = __smlad(odd(one), f, __smlad(even(one), e, a));
            c = __smlad(odd(one), h, __smlad(even(one), g, c));
            IN_ORDER(p, a, c);
            const uint32_t other = four_weights(p);
            p += 12;
            b = __smlad(odd(other), f, __smlad(even(other), e, b));
            d = __smlad(odd(other), h, __smlad(even(other), g, d));
        }
#if CHECKED_CONV
        sums[0] += (uint32_t)a + (uint32_t)b;
        sums[1] += (uint32_t)c + (uint32_t)d;
#endif
        settle_two(s, row, a, b, y, at);
        settle_two(s, row, c, d, y, next);
        w += back;
        back = 4 * taps - back;
    }
    for (int i = 0; i < left; i++, at++, next++, row += 2) {
        int32_t a = row[0], b = a;
        for (const uint32_t *x = v; x != end; x += 2, w += 4) {
            const uint32_t one = four_weights(w);
            a = __smlad(odd(one), odd_number(x[0]), __smlad(even(one), even_number(x[0]), a));
            b = __smlad(odd(one), odd_number(x[1]), __smlad(even(one), even_number(x[1]), b));
        }
#if CHECKED_CONV
        sums[0] += (uint32_t)a;
        sums[1] += (uint32_t)b;
#endif
        settle_any(s, row, a, y, at);
        settle_any(s, row, b, y, next);
    }
}
#endif
#endif
