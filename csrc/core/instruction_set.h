// Which of the compiled copies of the kernels runs. Each copy lives in a namespace of its own, named like this enum.
#pragma once

namespace pytransformers {

enum InstructionSet { kBaseline, kAvx2, kAvx512, kInstructionSets };

InstructionSet instruction_set();

}  // namespace pytransformers
