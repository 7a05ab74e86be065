// Where a server's settings come from.
#pragma once

#include "server/application.h"
#include "server/http/http_server.h"

namespace freshet {

// The model's settings, under FRESHET_* variables, under the flags. kInvalid:
// a variable is wrong, or a secret that it refers to cannot be read.
Result<Settings> effective_settings(const Model& model,
                                    const ServeOptions& options);

// All but the socket.
HttpServerSettings http_settings(const Settings& settings);

// Where a browser on this machine finds the server.
std::string url_of(const Settings& settings, int port);

// Where the server listens and who may reach it there: looked at before
// anything starts. kInvalid: the address, the TLS files, or a reach that is not
// protected and not said to be --insecure, of which the log is told.
Status check_reach(const Settings& settings);

}  // namespace freshet
