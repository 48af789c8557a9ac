/* The activation of random features: tanh. */
static inline int32_t activation(int32_t z)
{
    return tanh_lookup(z);
}
