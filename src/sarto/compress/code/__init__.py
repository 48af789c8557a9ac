"""Entropy coders: arrays of small non-negative integers to bytes and back, bit-exactly; every public file is one.

A method has three functions, which need nothing but the bytes, the shape and the size of the alphabet:

    encode(symbols, alphabet) -> Coded       a vector or a matrix (row, column) of symbols, each in [0, alphabet)
    decode(data, shape, alphabet) -> array   uint8 up to 256 symbols, else uint16; there may be 1 to 65536
    parts(data, shape, alphabet) -> Coded    the same bytes as tables and values, for a table of sizes

`Coded.data` is `Coded.tables + Coded.values`: everything a decoder needs, frequencies, lengths of codes and streams
among it; the end of the bytes is the end of the array. Symbol 0 is meant to be the pruned weight, and all others an
index of a codebook or an integer plus an offset. Decoding uses integers only, and its arithmetic is written down in
each method, for a decoder in another language.

Bytes that no encoder wrote are an error (E121) or other symbols of the same alphabet, never another exception, and
take no more time and memory than an array of that shape does. Most changes are noticed, since each decoder must come
to rest where its encoder started, but only a hash of what was decoded, which a container keeps, makes sure.
"""
