// A loop that several threads work on. The caller takes part and waits only for ranges that someone has claimed, so
// helpers that never get to run (a full pool, a forked child) cost time and never a deadlock.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "core/c_api.h"

namespace pytransformers {

class SharedLoop {
 public:
  SharedLoop(int64_t count, int64_t grain, pytransformers_task task, void* context)
      : count_(count), grain_(std::max<int64_t>(grain, 1)), ranges_((count + grain_ - 1) / grain_), task_(task),
        context_(context) {}

  int64_t ranges() const { return ranges_; }

  // Runs ranges until none is left to claim.
  void help() {
    int64_t finished = 0;
    for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < ranges_; ++finished) {
      task_(i * grain_, std::min(count_, (i + 1) * grain_), context_);
    }
    if (finished == 0) return;
    std::lock_guard<std::mutex> lock(mutex_);
    if ((done_ += finished) == ranges_) all_done_.notify_all();
  }

  void help_and_wait() {
    help();
    std::unique_lock<std::mutex> lock(mutex_);
    all_done_.wait(lock, [this] { return done_ == ranges_; });
  }

 private:
  const int64_t count_, grain_, ranges_;
  const pytransformers_task task_;
  void* const context_;
  std::atomic<int64_t> next_{0};
  int64_t done_ = 0;
  std::mutex mutex_;
  std::condition_variable all_done_;
};

// A grain that gives each of `threads` a few ranges, so that a slow thread does not hold up the rest.
inline int64_t balanced_grain(int64_t count, int64_t grain, int64_t threads) {
  return std::max(grain, (count + 4 * threads - 1) / (4 * threads));
}

}  // namespace pytransformers
