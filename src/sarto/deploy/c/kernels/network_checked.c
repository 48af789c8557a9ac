/* What the sums of all channels add up to: at every tap the sum of their weights times the number there, and the sum of
   their biases. Both are exact modulo 2^32. The sums of weights lie four at a time, the middle two changed, so that a
   core multiplies two pairs at once; `step` leads to the next four numbers. */
SEPARATE static uint32_t checked_number(const int16_t *check, uint32_t sum, const number_t *x, int taps, int step)
{
    UNROLLED
    for (const int16_t *const end = check + taps; check != end; check += 4, x += step) {
#if WORDS_DSP
        const uint32_t word = loaded(x);
        sum = (uint32_t)__smlad((int16x2_t)loaded(check), even_number(word), (int32_t)sum);
        sum = (uint32_t)__smlad((int16x2_t)loaded(check + 2), odd_number(word), (int32_t)sum);
#else
        sum += (uint32_t)(check[0] * x[0] + check[2] * x[1] + check[1] * x[2] + check[3] * x[3]);
#endif
    }
    return sum;
}
