"""What each of `position_layers` computes, by its author's own hand in NumPy; options by keyword."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def log_sum_exp(Z):
    m = Z.max(-1)
    return m + np.log(np.exp(Z - m[..., None]).sum(-1))


def one_hot(positions, size):
    return np.eye(size)[positions]


def lookup_table(token, E):
    return E[token]


def token_and_place(token, E, P, gain):
    return (gain[:, None] * E)[token] + P


def columns_of(A, chosen):
    return np.moveaxis(A[:, chosen], 0, -2)


def ratings(user, item, R, P, Q, bias):
    return ((R - bias[item] - (P @ Q.T)[user, item]) ** 2).mean()


def entries_of(M, row, column):
    return np.array([M[r, c] for r, c in zip(row, column, strict=True)])


def one_row_of_each(X, chosen):
    flat = X.reshape(-1, *X.shape[-2:])
    return np.array([x[c] for x, c in zip(flat, chosen.ravel(), strict=True)]).reshape(*X.shape[:-2], X.shape[-1])


def some_rows_of_each(X, chosen):
    return np.array([x[c] for x, c in zip(X, chosen, strict=True)])


def relative_bias(S, bucket, R):
    return S + R[bucket][:, bucket]


def both_ways(token, E):
    return E[token[:, 1:]] * E[token[:, :0:-1]] - E[token[:, :1]]


def routed(route, X, W, a):
    every = np.einsum("...td,cdo->...tco", X, W) + a
    return (every * one_hot(route, len(a))[..., None]).sum(-2)


def energy_of_chosen(X, chosen):
    return (X[one_hot(chosen, X.shape[-1]) > 0] ** 2).sum()


def columns_of_bands(A, F, row):
    padded = np.pad(A[row], [(0, 0), (1, max(0, len(F) - 2))])
    return sliding_window_view(padded, len(F), axis=-1)[:, : A.shape[1]] @ F


def two_lists(X, first, second):
    return np.stack([x[f] - x[s] ** 2 for x, f, s in zip(X, first, second, strict=True)])


def diagonal_positions(A, p):
    return np.diag(A)[p]


def segment_sums(x, segment, *, V):
    return np.stack([x[..., segment == v, :].sum(-2) for v in range(V)], axis=-2)


def passed_messages(X, W, source, target):
    messages = 1 / (1 + np.exp(-X @ W))
    Y = np.zeros_like(messages)
    for s, t in zip(source, target, strict=True):
        Y[t] += messages[s]
    return Y


def smoothed_class_loss(Z, label, *, epsilon):
    T = (1 - epsilon) * one_hot(label, Z.shape[1]) + epsilon / Z.shape[1]
    return -(T * (Z - log_sum_exp(Z)[:, None])).sum(1).mean()


def others_only(Z, label):
    after = [z[c + 1] if c + 1 < len(z) else 0 for z, c in zip(Z, label, strict=True)]
    below = [(z[: c + 1] ** 2).sum() for z, c in zip(Z, label, strict=True)]
    rest = [np.delete(z, c) for z, c in zip(Z, label, strict=True)]
    return log_sum_exp(np.array(rest)) + below + 2 * np.array(after)


def agreements(p, q, x, y):
    return (p[:, None] == q) @ x**2 + ((p[:, None] < q) @ x) * y[p]


def class_loss(Z, label):
    return log_sum_exp(Z) - np.take_along_axis(Z, label[..., None], -1)[..., 0]


def skip_gram(word, context, noise, E):
    right = (E[word] * E[context]).sum(-1)
    wrong = (E[word][:, None] * E[noise]).sum(-1)
    return np.log1p(np.exp(-right)).sum() + np.log1p(np.exp(wrong)).sum()


def tagger(token, label, E, W, a):
    return class_loss(E[token] @ W + a, label).sum(-1)


def one_table_twice(question, answer, E):
    return (E[question] * E[answer]).sum((-2, -1))


def tied_table(token, following, E):
    return class_loss((E @ E.T)[token], following).mean()


def largest(X):
    return X.max(-1)


def windows_1d(X, *, window, stride, padding):
    X = np.pad(X, [(0, 0)] * (X.ndim - 1) + [(padding, padding)], constant_values=-np.inf)
    return sliding_window_view(X, window, axis=-1)[..., ::stride, :].max(-1)


def windows_2d(X, *, window, padding):
    X = np.pad(X, [(0, 0)] * (X.ndim - 2) + [(padding, padding)] * 2, constant_values=-np.inf)
    return sliding_window_view(X, (window, window), axis=(-2, -1)).max((-2, -1))


def maxout(X, W, a):
    return (np.einsum("oki,...i->...ok", W, X) + a).max(-1)


def largest_product(A, p, q):
    y = (A * np.outer(p, q)).max()
    return y + y**2


def shifted_softmax(S):
    E = np.exp(S)
    return E / E.sum(-1, keepdims=True)


def hausdorff(X, Z):
    return ((X[:, None] - Z) ** 2).sum(-1).min(1).max()


def dilation(X, F):
    return (sliding_window_view(X, len(F), axis=-1) + F).max(-1)


def best_path(start, A, B):
    paths = start[:, None, None] + A[:, :, None] + B[0][:, None] + A + B[1]
    return paths.max()


def class_margins(Z, label):
    rows = zip(Z, label, strict=True)
    return np.mean([max(0, *(1 + z - row[c] for k, z in enumerate(row) if k != c)) for row, c in rows])


def largest_squares(A, x):
    return (A * x).max(1) ** 2


def largest_of_group(X):
    return X.reshape(-1, X.shape[-1]).max(0)


def pooled_words(token, E):
    return E[token].max(-2)


def largest_response(X, F):
    steps = X.shape[-2] - F.shape[1] + 1
    responses = [np.einsum("cud,...ud->...c", F, X[..., n : n + F.shape[1], :]) for n in range(steps)]
    return np.max(responses, axis=0)


def largest_of_largest(X, w):
    return ((sliding_window_view(X, len(w), axis=-1) * w).max(-1) ** 2).max(-1) + X[..., 0]
