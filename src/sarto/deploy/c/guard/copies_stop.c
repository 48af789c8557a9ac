/* What went into the state with a wrong bit cannot be taken back: that answer is not given, and whatever watches the
   program starts it again, with the copy that is sound. */
static int @ANSWER@(@TAKES@)
{
    const int found = @ANSWER@_once(@GIVES@);
    if (!copies_hold())
        for (;;) {
        }
    return found;
}

