// attention as XLA custom calls.
//
// Operands are dense and lie as (batch, length, heads, width), keys and values with `keys_by_head` as (batch, kv_heads,
// length, width), which is how caches keep them. Optional operands follow in a fixed order and the attributes say which are
// there. Under vmap every operand gains the same number of leading dimensions, of size 1 where it does not vary.
#include "bind/xla/common.h"

namespace {

using namespace pytransformers_xla;

constexpr int64_t kMaxBatch = 8;

// An operand or result of a call, whose leading `batch` dimensions `move` walks through.
class Operand {
 public:
  Operand() = default;

  // `rank` is that of the operand without the dimensions of vmap; by_position: (b, length, heads, d) seen as (b, heads, ...).
  bool take(const ffi::AnyBuffer& buffer, int64_t rank, int64_t batch, bool by_position) {
    const auto sizes = buffer.dimensions();
    if (static_cast<int64_t>(sizes.size()) != rank + batch || batch > kMaxBatch) return false;
    dtype_ = dtype_of(buffer);
    data_ = static_cast<char*>(buffer.untyped_data());
    int64_t stride = 1;
    for (int64_t i = rank - 1; i >= 0; --i) {
      sizes_[i] = sizes[batch + i];
      strides_[i] = stride;
      stride *= sizes_[i];
    }
    if (by_position) {
      std::swap(sizes_[1], sizes_[2]);
      std::swap(strides_[1], strides_[2]);
    }
    const int64_t item = buffer.element_type() == ffi::DataType::U32 ? 4 : pytransformers::item_size(dtype_);
    for (int64_t i = batch - 1; i >= 0; --i) {
      outer_[i] = sizes[i];
      steps_[i] = sizes[i] == 1 ? 0 : stride * item;
      stride *= sizes[i];
    }
    view_ = {data_, sizes_, strides_, static_cast<int32_t>(rank), dtype_};
    return true;
  }

  void move(const int64_t* index, int64_t batch) {
    if (!present()) return;
    char* at = data_;
    for (int64_t i = 0; i < batch; ++i) at += index[i] * steps_[i];
    view_.data = at;
  }

  bool present() const { return view_.sizes != nullptr; }
  int64_t outer(int64_t i) const { return outer_[i]; }
  const pytransformers_tensor* get() const { return present() ? &view_ : nullptr; }

 private:
  int32_t dtype_ = PYTRANSFORMERS_OTHER;
  char* data_ = nullptr;
  int64_t sizes_[4] = {}, strides_[4] = {}, outer_[kMaxBatch] = {}, steps_[kMaxBatch] = {};
  pytransformers_tensor view_ = {};
};

struct Attributes {
  double scale, soft_cap, dropout;
  int64_t window_left, window_right;
  bool causal, keys_by_head, has_mask, has_bias, has_slopes, has_offsets, has_seed;
};

// The operands and results in order, and the parts that vmap cuts them into.
class Call {
 public:
  Call(ffi::RemainingArgs arguments, ffi::RemainingRets results, const Attributes& attributes)
      : arguments_(arguments), results_(results), attributes_(attributes) {
    const auto query = arguments_.get<ffi::AnyBuffer>(0);
    const int64_t rank = query.has_value() ? static_cast<int64_t>(query->dimensions().size()) : 0;
    if (rank < 4 || rank > 4 + kMaxBatch) refuse("a query of 4 dimensions and at most 8 of vmap");
    batch_ = rank - 4;
  }

  // Call these in the operands' order, or the results'.
  Operand& argument(bool present, int64_t rank, bool by_position = false) {
    return add(present, rank, by_position, [this] { return arguments_.get<ffi::AnyBuffer>(next_argument_++); });
  }
  Operand& result(bool present, int64_t rank, bool by_position = false) {
    return add(present, rank, by_position, [this]() -> ffi::ErrorOr<ffi::AnyBuffer> {
      auto result = results_.get<ffi::AnyBuffer>(next_result_++);
      if (!result.has_value()) return ffi::Unexpected(result.error());
      return *result.value();
    });
  }

  // The options of the operands that follow query, key and value; valid as long as this is.
  void take_options() {
    mask_ = &argument(attributes_.has_mask, 4);
    bias_ = &argument(attributes_.has_bias, 4);
    slopes_ = &argument(attributes_.has_slopes, 1);
    query_offsets_ = &argument(attributes_.has_offsets, 1);
    key_offsets_ = &argument(attributes_.has_offsets, 1);
    seed_ = &argument(attributes_.has_seed, 1);
    if (seed_->present() && seed_->get()->sizes[0] != 2) refuse("a seed of two words of 32 bits");
  }

  // `kernel(options)` for each part.
  template <class Kernel>
  ffi::Error run(Kernel kernel) {
    if (!error_.empty()) return ffi::Error(ffi::ErrorCode::kInvalidArgument, error_);
    int64_t outer[kMaxBatch], index[kMaxBatch] = {}, parts = 1;
    for (int64_t i = 0; i < batch_; ++i) {
      outer[i] = 1;
      for (int used = 0; used < count_; ++used) {
        if (operands_[used].present()) outer[i] = operands_[used].outer(i) == 1 ? outer[i] : operands_[used].outer(i);
      }
      parts *= outer[i];
    }
    for (int64_t part = 0; part < parts; ++part) {
      int64_t rest = part;
      for (int64_t i = batch_ - 1; i >= 0; --i) {
        index[i] = rest % outer[i];
        rest /= outer[i];
      }
      for (int used = 0; used < count_; ++used) operands_[used].move(index, batch_);
      const pytransformers_attention_options options = this->options();
      const pytransformers_status status = kernel(&options);
      if (status != PYTRANSFORMERS_OK) return as_error(status);
    }
    return ffi::Error::Success();
  }

 private:
  template <class Get>
  Operand& add(bool present, int64_t rank, bool by_position, Get get) {
    Operand& operand = operands_[count_++];
    if (!present || !error_.empty()) return operand;
    const auto buffer = get();
    if (!buffer.has_value() || !operand.take(*buffer, rank, batch_, by_position)) {
      refuse("an operand of " + std::to_string(rank) + " dimensions for each attribute");
    }
    return operand;
  }

  void refuse(const std::string& expected) {
    error_ = "[attention] expected " + expected + ", got others, check the operands' shapes";
  }

  pytransformers_attention_options options() const {
    pytransformers_attention_options options = {};
    options.mask = mask_->get();
    options.bias = bias_->get();
    options.alibi_slopes = slopes_->get();
    options.query_offsets = query_offsets_->get();
    options.key_offsets = key_offsets_->get();
    options.scale = attributes_.scale;
    options.soft_cap = attributes_.soft_cap;
    options.dropout = attributes_.dropout;
    options.window_left = attributes_.window_left;
    options.window_right = attributes_.window_right;
    options.causal = attributes_.causal;
    if (seed_->present()) {
      const uint32_t* words = static_cast<const uint32_t*>(seed_->get()->data);
      options.dropout_seed = static_cast<uint64_t>(words[0]) << 32 | words[1];
    }
    return options;
  }

  ffi::RemainingArgs arguments_;
  ffi::RemainingRets results_;
  const Attributes& attributes_;
  int64_t next_argument_ = 0, next_result_ = 0, batch_ = 0;
  Operand operands_[16];
  int count_ = 0;
  Operand *mask_ = nullptr, *bias_ = nullptr, *slopes_ = nullptr, *query_offsets_ = nullptr, *key_offsets_ = nullptr,
          *seed_ = nullptr;
  std::string error_;
};

// Operands: query, key, value, mask?, bias?, slopes?, query_offsets?, key_offsets?, seed?. Results: out, lse?.
ffi::Error attention(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results, double scale,
                     double soft_cap, double dropout, int64_t window_left, int64_t window_right, bool causal,
                     bool keys_by_head, bool has_mask, bool has_bias, bool has_slopes, bool has_offsets, bool has_seed,
                     bool with_lse) {
  const Attributes attributes = {scale,    soft_cap, dropout,    window_left, window_right, causal, keys_by_head,
                                 has_mask, has_bias, has_slopes, has_offsets, has_seed};
  Call call(arguments, results, attributes);
  Operand &query = call.argument(true, 4, true), &key = call.argument(true, 4, !keys_by_head),
          &value = call.argument(true, 4, !keys_by_head);
  call.take_options();
  Operand &out = call.result(true, 4, true), &lse = call.result(with_lse, 3);
  const pytransformers_parallel parallel = {parallel_for, &pool};
  return call.run([&](const pytransformers_attention_options* options) {
    return pytransformers_attention(query.get(), key.get(), value.get(), options, out.get(), lse.get(), &parallel);
  });
}

// Operands: query, key, value, the options as above, dout, out, lse. Results: dquery, dkey, dvalue, dbias?.
ffi::Error attention_backward(ffi::ThreadPool pool, ffi::RemainingArgs arguments, ffi::RemainingRets results,
                              double scale, double soft_cap, double dropout, int64_t window_left, int64_t window_right,
                              bool causal, bool keys_by_head, bool has_mask, bool has_bias, bool has_slopes,
                              bool has_offsets, bool has_seed) {
  const Attributes attributes = {scale,    soft_cap, dropout,    window_left, window_right, causal, keys_by_head,
                                 has_mask, has_bias, has_slopes, has_offsets, has_seed};
  Call call(arguments, results, attributes);
  Operand &query = call.argument(true, 4, true), &key = call.argument(true, 4, !keys_by_head),
          &value = call.argument(true, 4, !keys_by_head);
  call.take_options();
  Operand &dout = call.argument(true, 4, true), &out = call.argument(true, 4, true), &lse = call.argument(true, 3);
  Operand &dquery = call.result(true, 4, true), &dkey = call.result(true, 4, !keys_by_head),
          &dvalue = call.result(true, 4, !keys_by_head), &dbias = call.result(has_bias, 4);
  const pytransformers_parallel parallel = {parallel_for, &pool};
  return call.run([&](const pytransformers_attention_options* options) {
    return pytransformers_attention_backward(dout.get(), query.get(), key.get(), value.get(), out.get(), lse.get(),
                                             options, dquery.get(), dkey.get(), dvalue.get(), dbias.get(), &parallel);
  });
}

}  // namespace

#define BINDING                                                                                                       \
  ffi::Ffi::Bind().Ctx<ffi::ThreadPool>().RemainingArgs().RemainingRets().Attr<double>("scale").Attr<double>("soft_cap") \
      .Attr<double>("dropout").Attr<int64_t>("window_left").Attr<int64_t>("window_right").Attr<bool>("causal")         \
      .Attr<bool>("keys_by_head").Attr<bool>("has_mask").Attr<bool>("has_bias").Attr<bool>("has_slopes")               \
      .Attr<bool>("has_offsets").Attr<bool>("has_seed")

HANDLER(attention, BINDING.Attr<bool>("with_lse"));
HANDLER(attention_backward, BINDING);
