#include "index/lineage.hpp"

namespace proctor::index {

Lineage trace(const TaskSource& source, const TaskIdentity& task, const PidKey& init,
              const TrackedKey& tracked) {
  Lineage lineage;
  lineage.untracked.push_back(task);
  while (lineage.untracked.size() <= generations_max) {
    const TaskIdentity child = lineage.untracked.back();
    if (child.parent <= 0) return lineage;  // outside our namespace
    const auto parent = source.identify(child.parent);
    if (!parent || parent->group.pid != child.parent || parent->group.start_time > child.group.start_time) {
      lineage.verdict = Lineage::Verdict::changed;
      return lineage;
    }
    if (parent->group == init) {
      lineage.verdict = Lineage::Verdict::member;
      return lineage;
    }
    if (tracked(child.parent) == parent->group) {
      lineage.verdict = Lineage::Verdict::member;
      lineage.tracked = parent->group;
      return lineage;
    }
    lineage.untracked.push_back(*parent);
  }
  return lineage;
}

}  // namespace proctor::index
