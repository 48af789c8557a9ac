/* Raw sensor words -> 16-bit inputs: clamp(requantise(raw - zero, factor, shift)). */
static void standardise(const SAMPLE *raw, int16_t *x)
{
    for (int c = 0; c < CHANNELS; c++) {
        int64_t wide = ((int64_t)raw[c] - zero[c]) * factor_in[c];
        wide = (wide + ((int64_t)1 << (SHIFT_IN - 1))) >> SHIFT_IN;
        x[c] = (int16_t)(wide > 32767 ? 32767 : wide < -32767 ? -32767 : wide);
    }
}
