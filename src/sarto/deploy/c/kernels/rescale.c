/* The states of the layer below as inputs of this one, of 16 bits. */
static void rescale(const STATE *below, int16_t *x)
{
    for (int i = 0; i < CHANNELS; i++)
        x[i] = (int16_t)clamp(requantise(below[i], RESCALE, RESCALE_SHIFT), 32767);
}
