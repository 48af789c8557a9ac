/* What a neuron carries over where the state is rotated: its row of the matrix times the state. */
static inline int32_t turned(int i, int32_t sum)
{
    return clamp(requantise(sum, factor_turn[i * TURN_STRIDE], TURN_SHIFT), 2 * STATE_LIMIT);
}
