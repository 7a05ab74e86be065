// The values of one window of a formula: its own plan, computed over another
// time or over chosen stores, at the levels an answer needs.
#pragma once

#include <string>
#include <vector>

#include "server/kpi/base_values.h"

namespace freshet {

// Ranges of a series that are computed one by one, where they do not follow
// from its buckets.
inline constexpr size_t kMostWindowQueries = 1000;

// Lives for one call; `window` and `outer` must outlive it.
class WindowValues {
 public:
  WindowValues(const WindowPart& window, BaseQueries& outer);

  // Fill the window's slot of each group; groups that only the window has are
  // added. kInvalid: a series of too many ranges.
  Status add_rows(Interval range, Timestamp moment,
                  const std::vector<std::string>& by, BaseTable& out);
  Status add_series(Interval range, Timestamp now, const Buckets& buckets,
                    const std::vector<std::string>& by, SeriesTable& out);
  // The value over no rows, in groups of a finished series that the window has
  // none of: what another part found is no reason for a null.
  void fill_missing(Interval range, Timestamp now, const Buckets& buckets,
                    SeriesTable& out) const;

 private:
  // A range of the inner plan, and the moment its levels are taken at.
  struct Span {
    Interval range;
    Timestamp moment;
    bool operator==(const Span&) const = default;
  };

  // Of a window over time. kInvalid if they are too many.
  Result<Buckets> buckets_of_window(Interval passed) const;
  bool over_time() const;  // an average or an extreme of many moments
  Span span_of(Interval range, Timestamp moment) const;
  std::vector<Span> spans_of(Interval range, Timestamp now,
                             const Buckets& buckets) const;
  Timestamp back(Timestamp t) const;
  double days(Interval range) const;
  void set(const BaseValues& inner, double days, BaseValues& out) const;

  Status add_over_time(Interval range, Timestamp moment,
                       const std::vector<std::string>& by, BaseTable& out);
  Status series_over_time(Interval range, Timestamp now, const Buckets& buckets,
                          const std::vector<std::string>& by, SeriesTable& out);
  Status series_of_openings(Interval range, Timestamp now,
                            const Buckets& buckets,
                            const std::vector<std::string>& by,
                            SeriesTable& out);
  // Of one span a bucket: shifted together, merged from buckets, or one by one.
  Status series_of_spans(const std::vector<Span>& spans, const Buckets& buckets,
                         const std::vector<std::string>& by, SeriesTable& out);
  Result<bool> shifted_series(const std::vector<Span>& spans,
                              const Buckets& buckets,
                              const std::vector<std::string>& by,
                              SeriesTable& out);
  Result<std::vector<bool>> merged_series(const std::vector<Span>& spans,
                                          const Buckets& buckets,
                                          const std::vector<std::string>& by,
                                          SeriesTable& out);
  std::vector<BaseValues>& series_in(SeriesTable& out, const GroupKey& key,
                                     size_t buckets) const;
  Value over_time_of(const std::vector<BaseValues>& values, size_t first,
                     size_t last, const Buckets& buckets, Interval range) const;

  const WindowPart& window_;
  BaseQueries& outer_;
  const KpiPlan& plan_;  // the window's
  BaseQueries inner_;
  const AnswerClock& clock_;
  bool nothing_ = false;  // no store to compute over
};

}  // namespace freshet
