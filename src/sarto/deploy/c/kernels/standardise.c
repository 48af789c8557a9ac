#if BYTES
/* Raw sensor words -> 8-bit inputs: clamp(requantise(raw - zero, factor, shift)). */
static void standardise(const SAMPLE *raw, int8_t *x)
#else
/* Raw sensor words -> 16-bit inputs: clamp(requantise(raw - zero, factor, shift)). */
static void standardise(const SAMPLE *raw, int16_t *x)
#endif
{
    for (int c = 0; c < CHANNELS; c++) {
        int64_t wide = ((int64_t)raw[c] - zero[c]) * factor_in[c];
        wide = (wide + ((int64_t)1 << (SHIFT_IN - 1))) >> SHIFT_IN;
#if BYTES
        x[c] = (int8_t)(wide > 127 ? 127 : wide < -127 ? -127 : wide);
#else
        x[c] = (int16_t)(wide > 32767 ? 32767 : wide < -32767 ? -32767 : wide);
#endif
    }
}
