# SPDX-License-Identifier: LGPL-2.1-or-later
"""The published methods that the recogniser is compared with, in numpy.

Features of sliding windows: Hudgins, Parker, Scott (IEEE Trans. Biomed. Eng. 40, 1993) and the best that
is known to do without more than floating point, logarithm of the covariance matrix and logarithms of the
time-domain features. Linear discriminants with equal priors, adapted from one day to another after
Vidovic et al. (IEEE Trans. Neural Syst. Rehabil. Eng. 24, 2016). Samples are electrodes x time.
"""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# What a count of a Myo armband is in each unit: floors and the least step are in such counts.
COUNT = {"myo_count": 1.0, "myo_full_scale": 1 / 128, "volt_after_gain": 0.01}
RIDGE, FLOOR = 0.05, 0.05
LEAST_STEP, LEAST_AMPLITUDE = 2.0, 0.1
SHRINKAGE = 0.05
# Shares of the new day in means and in the covariance, and of the person in a covariance mixed with others'.
NEW_MEANS, NEW_COVARIANCE, OWN_COVARIANCE = 0.7, 0.25, 0.25


class Slide:
    """Sums over windows of `length` steps of time that begin at `starts`, from running sums."""

    def __init__(self, starts, length):
        self.starts, self.length = starts, length

    def sum(self, values):
        """Of rows x time; rows x windows."""
        running = np.zeros((len(values), values.shape[1] + 1))
        np.cumsum(values, axis=1, out=running[:, 1:])
        return running[:, self.starts + self.length] - running[:, self.starts]


def time_domain(samples, starts, window):
    """Mean absolute value, mean absolute step, zero crossings, slope sign changes: four of electrodes x windows."""
    steps = np.diff(samples, axis=1)
    large = np.abs(steps) >= LEAST_STEP
    turns = (steps[:, :-1] * steps[:, 1:] < 0) & (large[:, :-1] | large[:, 1:])
    inside = sliding_window_view(samples, window, axis=1)[:, starts]
    inside = inside - inside.mean(2, keepdims=True)
    crossings = (inside[:, :, :-1] * inside[:, :, 1:] < 0) & sliding_window_view(large, window - 1, axis=1)[:, starts]
    return (np.abs(inside).mean(2), Slide(starts, window - 1).sum(np.abs(steps)) / (window - 1),
            crossings.mean(2), Slide(starts, window - 2).sum(turns) / (window - 2))


def log_covariance(samples, starts, window):
    """Upper triangle of the logarithm of each window's covariance matrix: windows x numbers."""
    slide, (row, column) = Slide(starts, window), np.triu_indices(len(samples))
    means = slide.sum(samples) / window
    upper = slide.sum(samples[row] * samples[column]) / window - means[row] * means[column]
    covariance = np.empty((len(starts), len(samples), len(samples)))
    covariance[:, row, column] = covariance[:, column, row] = (1 - RIDGE) * upper.T
    diagonal = np.arange(len(samples))
    own = upper[row == column]
    covariance[:, diagonal, diagonal] += (RIDGE * own.mean(0) + FLOOR)[:, None]
    values, vectors = np.linalg.eigh(covariance)
    logarithm = (vectors * np.log(values)[:, None]) @ vectors.transpose(0, 2, 1)
    return logarithm[:, row, column]


def hudgins(moments):
    """The features of 1993, from `time_domain`: windows x numbers."""
    return np.vstack(moments).T


def logarithmic(moments):
    """The same with logarithms of the two amplitudes."""
    amplitude, step, crossings, turns = moments
    return np.vstack([np.log(amplitude + LEAST_AMPLITUDE), np.log(step + LEAST_AMPLITUDE), crossings, turns]).T


def best(samples, starts, window, moments=None):
    """Logarithm of the covariance, and logarithmic time domain: windows x numbers."""
    moments = moments or time_domain(samples, starts, window)
    return np.hstack([log_covariance(samples, starts, window), logarithmic(moments)])


class Moments:
    """Means of movements and the covariance within them."""

    def __init__(self, movements, means, covariance):
        self.movements, self.means, self.covariance = movements, means, covariance

    @classmethod
    def of(cls, features, labels):
        """Of labelled windows."""
        movements, place = np.unique(labels, return_inverse=True)
        own = np.eye(len(movements))[place]
        means = own.T @ features / own.sum(0)[:, None]
        away = features - means[place]
        return cls(movements, means, away.T @ away / max(1, len(features) - len(movements)))

    def adapted(self, today):
        """Moved towards `today`, which has the same movements."""
        assert np.array_equal(self.movements, today.movements), (self.movements, today.movements)
        return Moments(self.movements, self.means + NEW_MEANS * (today.means - self.means),
                       self.covariance + NEW_COVARIANCE * (today.covariance - self.covariance))

    def helped(self, covariance):
        """With the covariance of other people mixed in."""
        return Moments(self.movements, self.means,
                       OWN_COVARIANCE * self.covariance + (1 - OWN_COVARIANCE) * covariance)

    def decide(self, features):
        """The linear discriminant's movement of each window."""
        covariance = (1 - SHRINKAGE) * self.covariance + SHRINKAGE * np.diag(np.diag(self.covariance))
        # A channel that never crosses zero must not make the matrix singular.
        covariance += 1e-9 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        weights = np.linalg.solve(covariance, self.means.T)
        return self.movements[(features @ weights - 0.5 * (self.means.T * weights).sum(0)).argmax(1)]
