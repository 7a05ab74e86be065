// DatasetDeployer over the model folder: the files are the truth, as in git.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "segments/metadata_store.h"
#include "server/api/dataset_deployer.h"

namespace freshet {

// `reload` reads the folder and puts it in force; `model` is what is in force.
// Versions are kept in `store`, which must outlive it.
std::unique_ptr<DatasetDeployer> make_dataset_deployer(
    std::string folder, MetadataStore& store,
    std::function<std::shared_ptr<const Model>()> model,
    std::function<ModelLoad()> reload);

}  // namespace freshet
