/* An answer that was computed with a wrong bit is computed again with the other copy. */
#if defined(INPUT_AT) && !(MODEL_WINDOW > MODEL_HOP)
/* The network may write over what it reads. */
static INPUT item[MODEL_LINES * MODEL_CHANNELS];

__attribute__((noinline)) static void move_item(INPUT *to, const INPUT *from)
{
    KEPT_ROLLED
    for (int i = 0; i < MODEL_LINES * MODEL_CHANNELS; i++)
        to[i] = from[i];
}
#define KEEP_ITEM move_item(item, input_of(arena));
#define BRING_ITEM move_item(input_of(arena), item);
#else
#define KEEP_ITEM
#define BRING_ITEM
#endif

static int decide(model_arena *arena)
{
    KEEP_ITEM
#if @FIRST@
    (void)copies_hold(); /* since a layer stops by itself where its sums are wrong, before it can be computed again */
#endif
    for (;;) {
        const int found = decide_once(arena);
        if (copies_hold())
            return found;
        BRING_ITEM
    }
}

