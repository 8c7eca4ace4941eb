// The pool behind pytransformers_thread_pool(). One per process and made anew in a forked child, where the parent's
// threads do not exist; the old one is left alone, since its locks may be held for ever.
#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <thread>

#include "core/shared_loop.h"

namespace pytransformers {

class ThreadPool {
 public:
  explicit ThreadPool(int threads) : threads_(threads) {
    for (int i = 1; i < threads; ++i) std::thread([this] { work(); }).detach();
  }

  void run(int64_t count, int64_t grain, pytransformers_task task, void* context) {
    auto loop = std::make_shared<SharedLoop>(count, balanced_grain(count, grain, threads_), task, context);
    const int64_t helpers = std::min<int64_t>(threads_, loop->ranges()) - 1;
    if (helpers > 0) {
      std::lock_guard<std::mutex> lock(mutex_);
      for (int64_t i = 0; i < helpers; ++i) queue_.push_back(loop);
    }
    for (int64_t i = 0; i < helpers; ++i) wake_.notify_one();
    loop->help_and_wait();
  }

 private:
  void work() {
    for (;;) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return !queue_.empty(); });
      std::shared_ptr<SharedLoop> loop = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      loop->help();
    }
  }

  const int threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<SharedLoop>> queue_;
};

static int thread_count() {
  constexpr long kMost = 256;
  const int processors = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, static_cast<int>(kMost));
  const char* wanted = std::getenv("PYTRANSFORMERS_NUM_THREADS");
  if (wanted == nullptr || *wanted == 0) return processors;
  char* end;
  const long threads = std::strtol(wanted, &end, 10);
  if (*end == 0 && threads >= 1 && threads <= kMost) return static_cast<int>(threads);
  std::fprintf(stderr, "[PYTRANSFORMERS_NUM_THREADS] expected a number from 1 to %ld, got %s, running on %d threads\n",
               kMost, wanted, processors);
  return processors;
}

static std::atomic<ThreadPool*> pool{nullptr};
static std::mutex starting;  // held over a fork, so that the child finds it free
static pthread_once_t fork_handler = PTHREAD_ONCE_INIT;

static ThreadPool& the_pool() {
  pthread_once(&fork_handler, [] {
    pthread_atfork([] { starting.lock(); }, [] { starting.unlock(); }, [] {
      pool = nullptr;
      starting.unlock();
    });
  });
  ThreadPool* current = pool;
  if (current == nullptr) {
    std::lock_guard<std::mutex> lock(starting);
    if ((current = pool) == nullptr) pool = current = new ThreadPool(thread_count());  // lives as long as the process
  }
  return *current;
}

static void pool_parallel_for(void*, int64_t count, int64_t grain, pytransformers_task task, void* context) {
  if (count <= grain) return task(0, count, context);
  the_pool().run(count, grain, task, context);
}

}  // namespace pytransformers

extern "C" const pytransformers_parallel* pytransformers_thread_pool(void) {
  static const pytransformers_parallel parallel = {pytransformers::pool_parallel_for, nullptr};
  return &parallel;
}
