/* Weights as pairs of bytes: zeros to leave out, and the value that follows them. Where the pairs end all others are 0. */
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
    reader_sparse d = {w->stream, w->end, 0};
    d.gap = gap_sparse(&d);
    return d;
}
