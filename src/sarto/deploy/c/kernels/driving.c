/* What the inputs and the bias add to a neuron's sum. */
static inline int32_t driving(int i, int32_t driven)
{
    return driven * (1 << INPUT_SHIFT) + bias[i] * (1 << BIAS_SHIFT);
}
