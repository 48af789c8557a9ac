/* Raw sensor words -> inputs: clamp(requantise(raw - zero, factor, shift)). */
static void standardise(const SAMPLE *raw, INPUT *x)
{
    for (int c = 0; c < CHANNELS; c++) {
        int64_t wide = ((int64_t)raw[c] - zero[c]) * factor_in[c];
        wide = (wide + ((int64_t)1 << (SHIFT_IN - 1))) >> SHIFT_IN;
        x[c] = (INPUT)(wide > INPUT_HIGH ? INPUT_HIGH : wide < INPUT_LOW ? INPUT_LOW : wide);
    }
}
