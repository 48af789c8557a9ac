/* |z|, at most 32767: where a table over half of all arguments is read. */
static inline int32_t magnitude(int32_t z)
{
    const int32_t size = z < 0 ? -z : z;
#if FINE
    return size > (32768 << FINE) - 1 ? (32768 << FINE) - 1 : size;
#else
    return size > 32767 ? 32767 : size;
#endif
}
