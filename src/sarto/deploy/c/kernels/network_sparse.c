/* Weights as bytes: the first value, then in turn how many zeros come next, and the value that follows them. */
typedef struct {
    const uint8_t *stream, *end;
} weights_sparse;

typedef struct {
    const uint8_t *at, *end;
    uint32_t gap; /* zeros up to the next value */
} reader_sparse;

static inline uint32_t gap_sparse(reader_sparse *d)
{
    return d->at != d->end ? *d->at++ : 255;
}

static inline int32_t value_sparse(reader_sparse *d)
{
    return d->at != d->end ? (int8_t)*d->at++ : 0;
}

static inline reader_sparse begun_sparse(const weights_sparse *w)
{
    return (reader_sparse){w->stream, w->end, 0};
}
