// DatasetDeployer over the model folder: the files are the truth, as in git.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "segments/segment_store.h"
#include "server/api/dataset_deployer.h"

namespace freshet {

// `reload` reads the folder and puts it in force; `model` is what is in force.
// Versions are kept in `store`, whose segments say what types of columns may
// become; it must outlive it.
std::unique_ptr<DatasetDeployer> make_dataset_deployer(
    std::string folder, SegmentStore& store,
    std::function<std::shared_ptr<const Model>()> model,
    std::function<ModelLoad()> reload);

}  // namespace freshet
