"""What shapes the distribution that a token is drawn from: temperature and the ways to cut its tail.

Called as the processors of `processors.py`. `min_tokens_to_keep` tokens stay whatever the rule says.
"""

from .. import ops
from .processors import LOWEST, Processor, positive


def _share(value, where):
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"[{where}] expected a number between 0 and 1, got {value!r}: correct it")
    return float(value)


def _kth(scores, k):
    """The k-th largest score of each row (rows, 1)."""
    return ops.topk(scores, min(k, ops.size(scores, 1)))[0][:, -1:]


class TemperatureLogitsWarper(Processor):
    """scores / temperature."""

    def __init__(self, temperature):
        self.temperature = positive(temperature, "temperature")

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        return scores / self.temperature


class Cut(Processor):
    """Base of those that remove tokens."""

    def __init__(self, filter_value, min_tokens_to_keep):
        if not isinstance(min_tokens_to_keep, int) or min_tokens_to_keep < 1:
            raise ValueError(f"[min_tokens_to_keep] expected an integer > 0, got {min_tokens_to_keep!r}: correct it")
        self.filter_value, self.min_tokens_to_keep = filter_value, min_tokens_to_keep

    def cut(self, scores, removed):
        return ops.where(removed, self.filter_value, scores)

    def cut_ranks(self, scores, order, removed):
        """`removed` (rows, vocab) goes by rank, and `order` says which token has it."""
        removed = ops.scatter(ops.zeros_like(scores), 1, order, ops.cast(removed, ops.dtype(scores)))
        return self.cut(scores, removed > 0)


class TopKLogitsWarper(Cut):
    """The k most likely tokens, and what is as likely as the last of them (Fan et al., arXiv:1805.04833)."""

    def __init__(self, top_k, filter_value=LOWEST, min_tokens_to_keep=1):
        super().__init__(filter_value, min_tokens_to_keep)
        if not isinstance(top_k, int) or top_k <= 0:
            raise ValueError(f"[top_k] expected an integer > 0, got {top_k!r}: correct it")
        self.top_k = max(top_k, min_tokens_to_keep)

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        return self.cut(scores, scores < _kth(scores, self.top_k))


class TopPLogitsWarper(Cut):
    """The most likely tokens that together reach the probability `top_p` (Holtzman et al., arXiv:1904.09751).

    `candidates` says that all but the largest so many scores are cut already: then only these are sorted.
    """

    def __init__(self, top_p, filter_value=LOWEST, min_tokens_to_keep=1, candidates=None):
        super().__init__(filter_value, min_tokens_to_keep)
        self.top_p, self.candidates = _share(top_p, "top_p"), candidates

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        count = ops.size(scores, 1) if self.candidates is None else min(self.candidates, ops.size(scores, 1))
        ordered = ops.sort(scores)[0] if count == ops.size(scores, 1) else ops.flip(ops.topk(scores, count)[0], (1,))
        unlikely = ops.cumsum(ops.softmax(ordered, -1), 1) <= 1 - self.top_p
        first = ops.sum(ops.cast(unlikely, ops.int64), 1, True)  # place of the least likely token that stays
        first = ops.clamp(first, 0, count - min(self.min_tokens_to_keep, count))
        return self.cut(scores, scores < ops.gather(ordered, 1, first))


class MinPLogitsWarper(Cut):
    """Tokens at least `min_p` times as likely as the most likely one (arXiv:2407.01082)."""

    def __init__(self, min_p, filter_value=LOWEST, min_tokens_to_keep=1):
        super().__init__(filter_value, min_tokens_to_keep)
        self.min_p = _share(min_p, "min_p")

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        likely = ops.softmax(scores, -1)
        unlikely = likely < self.min_p * ops.amax(likely, -1, True)
        return self.cut(scores, ops.logical_and(unlikely, scores < _kth(scores, self.min_tokens_to_keep)))


class TypicalLogitsWarper(Cut):
    """The tokens whose surprise is nearest to the entropy, up to the probability `mass` (arXiv:2202.00666)."""

    def __init__(self, mass=0.9, filter_value=LOWEST, min_tokens_to_keep=1):
        super().__init__(filter_value, min_tokens_to_keep)
        self.mass = _share(mass, "typical_p")

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        log_p = ops.log_softmax(scores, -1)
        each = ops.exp(log_p) * log_p
        entropy = -ops.sum(ops.where(each == each, each, ops.zeros_like(each)), -1, True)  # 0 log 0 is 0
        far, order = ops.sort(ops.abs(-log_p - entropy))
        total = ops.cumsum(ops.softmax(ops.gather(scores, 1, order), -1), 1)
        vocab = ops.size(scores, 1)
        last = ops.clamp(ops.sum(ops.cast(total < self.mass, ops.int64), -1, True), 0, vocab - 1)
        may_go = (ops.arange(vocab, like=scores) >= self.min_tokens_to_keep)[None]
        return self.cut_ranks(scores, order, ops.logical_and(far > ops.gather(far, 1, last), may_go))


class EpsilonLogitsWarper(Cut):
    """Tokens of a probability of at least `epsilon` (Hewitt et al., arXiv:2210.15191)."""

    def __init__(self, epsilon, filter_value=LOWEST, min_tokens_to_keep=1):
        super().__init__(filter_value, min_tokens_to_keep)
        self.epsilon = _share(epsilon, "epsilon_cutoff")

    def threshold(self, scores):
        return self.epsilon

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        unlikely = ops.softmax(scores, -1) < self.threshold(scores)
        return self.cut(scores, ops.logical_and(unlikely, scores < _kth(scores, self.min_tokens_to_keep)))


class EtaLogitsWarper(EpsilonLogitsWarper):
    """As `EpsilonLogitsWarper`, the threshold lower where the entropy is high: min(eps, sqrt(eps) exp(-entropy))."""

    def __init__(self, epsilon, filter_value=LOWEST, min_tokens_to_keep=1, device=None):
        super().__init__(epsilon, filter_value, min_tokens_to_keep)

    def threshold(self, scores):
        log_p = ops.clamp(ops.log_softmax(scores, -1), ops.finfo_min(ops.dtype(scores)))
        entropy = -ops.sum(log_p * ops.exp(log_p), -1, True)
        return ops.minimum(ops.full_like(entropy, self.epsilon), self.epsilon**0.5 * ops.exp(-entropy))


class LogitNormalization(Processor):
    """Scores as logarithms of probabilities."""

    def __call__(self, input_ids, scores, cur_len=None, known=None):
        return ops.log_softmax(scores, -1)
