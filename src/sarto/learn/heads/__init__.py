"""Linear heads of one `RidgeStatistics`: ridge, discriminants, nearest mean, and what a softmax head starts from."""
