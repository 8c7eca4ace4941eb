"""What training code of any framework shares: batches from examples, callbacks and their state, seeds, choices.

`collators` makes batches, `callbacks` holds what a training loop tells and obeys, `kinds` the enumerations and records,
`seed` the one call that makes runs repeatable. Learning-rate schedules are PyTorch's: `backends/torch/optimization.py`.
"""
