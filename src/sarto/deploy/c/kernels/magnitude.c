/* |z|, at most 32767: where a table over half of all arguments is read. */
static inline int32_t magnitude(int32_t z)
{
    const int32_t size = z < 0 ? -z : z;
    return size > 32767 ? 32767 : size;
}
