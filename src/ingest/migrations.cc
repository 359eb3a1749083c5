#include "ingest/migrations.h"

#include "ingest/event_catalogue.h"
#include "ingest/import.h"
#include "ingest/projection.h"
#include "ingest/quarantine.h"
#include "ingest/warehouse_writer.h"

namespace zhiyin::ingest {

std::vector<storage::Migration> migrations() {
  std::vector<storage::Migration> all;
  for (const auto part :
       {Quarantine::migrations(), EventPipeline::migrations(), import_migrations(),
        EventCatalogue::migrations(), WarehouseWriter::migrations()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace zhiyin::ingest
