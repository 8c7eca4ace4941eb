"""What a text must hold: `constraints` of `generate`, tracked token by token through the text of each beam.

The rules are those of `transformers` 4.51: a text works on one constraint at a time, and leaves it for another one
only when a token breaks it off.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

MOST_STEPS = 10000  # a constraint that takes more is taken for one that never ends


class Constraint(ABC):
    """Base class: how tokens fulfil something, step by step.

    A subclass sets `seqlen`, the number of steps that it takes at most, before it calls `super().__init__()`, which
    tries whether the tokens of `advance()` do fulfil it.
    """

    seqlen: int

    def __init__(self) -> None:
        self.test()

    def test(self) -> None:
        """Raise ValueError unless following `advance()` fulfils the constraint, also after a reset."""
        for _ in range(MOST_STEPS):
            token = self.advance()
            token = token[0] if isinstance(token, list) else token
            if not self.does_advance(token):
                self._wrong("does_advance(advance()) to hold, got False")
            if self.update(token)[1]:
                if self.remaining():
                    self._wrong(f"remaining() to be 0 when it is fulfilled, got {self.remaining()}")
                return self.reset()
        return self._wrong(f"update(advance()) to fulfil it in {MOST_STEPS} steps, got no end")

    def _wrong(self, message: str) -> None:
        raise ValueError(f"[{type(self).__name__}] expected {message}: correct the class")

    @abstractmethod
    def advance(self) -> int | list[int] | None:
        """The token, or tokens of which any, that bring it one step further; None if nothing does."""

    @abstractmethod
    def does_advance(self, token_id: int) -> bool:
        """Whether a token does."""

    @abstractmethod
    def update(self, token_id: int) -> tuple[bool, bool, bool]:
        """Take a token: whether it was a step, whether all is fulfilled now, whether what was reached is lost."""

    @abstractmethod
    def reset(self) -> None:
        """Begin anew."""

    @abstractmethod
    def remaining(self) -> int:
        """How many steps are left."""

    @abstractmethod
    def copy(self, stateful: bool = False) -> Constraint:
        """Another one like it; with `stateful` as far as this one."""


class PhrasalConstraint(Constraint):
    """These tokens, one after another."""

    def __init__(self, token_ids: list[int]) -> None:
        self.token_ids = _phrase(token_ids, "token_ids")
        self.seqlen = len(token_ids)
        self.reset()

    def advance(self) -> int | None:
        return None if self.completed else self.token_ids[self.fulfilled_idx + 1]

    def does_advance(self, token_id: int) -> bool:
        return _token(token_id) == self.advance()

    def update(self, token_id: int) -> tuple[bool, bool, bool]:
        if not self.does_advance(token_id):
            self.reset()
            return False, False, True
        self.fulfilled_idx += 1
        self.completed = not self.remaining()
        return True, self.completed, False

    def reset(self) -> None:
        self.fulfilled_idx, self.completed = -1, False  # place of the last token that is there

    def remaining(self) -> int:
        return self.seqlen - (self.fulfilled_idx + 1)

    def copy(self, stateful: bool = False) -> PhrasalConstraint:
        new = PhrasalConstraint(self.token_ids)
        if stateful:
            new.fulfilled_idx, new.completed = self.fulfilled_idx, self.completed
        return new


class DisjunctiveTrie:
    """Phrases as a tree of their tokens. With `no_subsets` no phrase may begin with another."""

    def __init__(self, nested_token_ids: list[list[int]], no_subsets: bool = True) -> None:
        self.max_height = max(map(len, nested_token_ids))
        self.trie: dict[int, Any] = {}
        for phrase in nested_token_ids:
            level = self.trie
            for token in phrase:
                level = level.setdefault(token, {})
        if no_subsets and self.count_leaves(self.trie) != len(nested_token_ids):
            raise ValueError(
                f"[DisjunctiveConstraint] expected phrases of which none begins with another, got {nested_token_ids}: "
                "leave the longer ones out"
            )

    def next_tokens(self, current_seq: list[int]) -> list[int]:
        """What may follow after the beginning of a phrase."""
        level = self.trie
        for token in current_seq:
            level = level[token]
        return list(level)

    def reached_leaf(self, current_seq: list[int]) -> bool:
        return not self.next_tokens(current_seq)

    def count_leaves(self, root: dict[int, Any]) -> int:
        return sum(map(self.count_leaves, root.values())) if root else 1


class DisjunctiveConstraint(Constraint):
    """One of several phrases."""

    def __init__(self, nested_token_ids: list[list[int]]) -> None:
        if not isinstance(nested_token_ids, list) or not nested_token_ids:
            raise ValueError(f"[nested_token_ids] expected a list of phrases, got {nested_token_ids!r}: correct it")
        self.token_ids = [_phrase(phrase, "nested_token_ids") for phrase in nested_token_ids]
        self.trie = DisjunctiveTrie(nested_token_ids)
        self.seqlen = self.trie.max_height
        self.reset()

    def advance(self) -> list[int] | None:
        return self.trie.next_tokens(self.current_seq) or None

    def does_advance(self, token_id: int) -> bool:
        return _token(token_id) in self.trie.next_tokens(self.current_seq)

    def update(self, token_id: int) -> tuple[bool, bool, bool]:
        step = self.does_advance(token_id)
        if step:
            self.current_seq.append(token_id)
        else:
            self.reset()
        self.completed = self.trie.reached_leaf(self.current_seq)
        return step, self.completed, not step

    def reset(self) -> None:
        self.current_seq: list[int] = []
        self.completed = False

    def remaining(self) -> int:
        return 0 if self.completed else self.seqlen - len(self.current_seq)

    def copy(self, stateful: bool = False) -> DisjunctiveConstraint:
        new = DisjunctiveConstraint(self.token_ids)
        if stateful:
            # one list for both, as in `transformers`: which beams it keeps where phrases part depends on it
            new.current_seq, new.completed = self.current_seq, self.completed
        return new


class ConstraintListState:
    """How far a text has come with a list of constraints."""

    def __init__(self, constraints: list[Constraint]) -> None:
        self.constraints = constraints
        self.max_seqlen = max(constraint.seqlen for constraint in constraints)
        self.n_constraints = len(constraints)
        self.init_state()

    def init_state(self) -> None:
        self.completed = False
        self.complete_constraints: list[Constraint] = []
        self.inprogress_constraint: Constraint | None = None
        self.pending_constraints = [constraint.copy() for constraint in self.constraints]

    def get_bank(self) -> int:
        """How far: `max_seqlen` for each constraint that is fulfilled, and the steps taken in the present one."""
        present = self.inprogress_constraint
        steps = 0 if present is None else self.max_seqlen - present.remaining()
        return len(self.complete_constraints) * self.max_seqlen + steps

    def advance(self) -> list[int] | None:
        """The tokens that bring the present constraint further, or else begin one."""
        present = self.inprogress_constraint
        found: list[int] = []
        for constraint in self.pending_constraints if present is None else [present]:
            tokens = constraint.advance()
            if tokens is not None:
                found += tokens if isinstance(tokens, list) else [tokens]
        return found or None

    def reset(self, token_ids: list[int] | None) -> None:
        """Begin anew with a text."""
        self.init_state()
        for token in token_ids or ():
            self.add(token)
            if self.completed:
                break

    def add(self, token_id: int) -> tuple[bool, bool]:
        """Take a token: whether it fulfilled a constraint, and whether it was a step."""
        _token(token_id)
        if self.completed:
            return True, False
        stepped = complete = False
        if self.inprogress_constraint is not None:
            stepped, complete, lost = self.inprogress_constraint.update(token_id)
            if lost:
                self.pending_constraints.append(self.inprogress_constraint.copy())
                self.inprogress_constraint = None
        else:
            begun = next((c for c in self.pending_constraints if c.does_advance(token_id)), None)
            if begun is not None:
                stepped, complete, _ = begun.update(token_id)
                self.pending_constraints = [c for c in self.pending_constraints if c is not begun]
                self.inprogress_constraint = begun
        if complete:
            self.complete_constraints.append(self.inprogress_constraint)
            self.inprogress_constraint = None
            self.completed = not self.pending_constraints
        return complete, stepped

    def copy(self, stateful: bool = True) -> ConstraintListState:
        new = ConstraintListState(self.constraints)
        if stateful:
            new.complete_constraints = [constraint.copy(stateful=True) for constraint in self.complete_constraints]
            if self.inprogress_constraint is not None:
                new.inprogress_constraint = self.inprogress_constraint.copy(stateful=True)
            new.pending_constraints = [constraint.copy() for constraint in self.pending_constraints]
            new.completed = self.completed
        return new


def constraints_of(config: Any) -> list[Constraint]:
    """Those of a GenerationConfig: `constraints`, and `force_words_ids` as constraints.

    Raises:
        ValueError: one of them is no constraint.
    """
    constraints, words = config.constraints, config.force_words_ids
    if constraints is not None and not (
        isinstance(constraints, list) and constraints and all(isinstance(c, Constraint) for c in constraints)
    ):
        raise ValueError(f"[constraints] expected a list of Constraint objects, got {constraints!r}: correct it")
    made = list(constraints or ())
    if words is None:
        return made
    if not isinstance(words, list) or not words or not all(isinstance(word, list) and word for word in words):
        raise ValueError(
            f"[force_words_ids] expected phrases, or lists of phrases of which one must come, got {words!r}: "
            "pass [[token, token]] or [[[token], [token]]]"
        )
    return made + [
        DisjunctiveConstraint(word) if isinstance(word[0], list) else PhrasalConstraint(word) for word in words
    ]


def _token(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"[Constraint] expected a token id as an int, got {value!r}: convert it")
    return value


def _phrase(value: Any, where: str) -> list[int]:
    right = isinstance(value, list) and value and all(isinstance(token, int) and token >= 0 for token in value)
    if not right:
        raise ValueError(f"[{where}] expected a list of token ids >= 0 that is not empty, got {value!r}: correct it")
    return value
