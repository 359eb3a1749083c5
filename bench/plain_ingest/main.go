// The plain server that intake is measured against: net/http and SQLite, every event of a request parsed and inserted in one
// transaction per request, WAL, synchronous=FULL, one writer. No validation, no sealing, no deduplication.
package main

import (
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"

	_ "github.com/mattn/go-sqlite3"
)

type event struct {
	EventID    string          `json:"event_id"`
	Account    string          `json:"account"`
	Identities json.RawMessage `json:"identities"`
	Kind       string          `json:"kind"`
	Item       json.RawMessage `json:"item"`
	Value      int64           `json:"value"`
	Properties json.RawMessage `json:"properties"`
	OccurredAt string          `json:"occurred_at"`
}

const schema = `CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, event_id TEXT, account TEXT, identities TEXT,
 kind TEXT, item TEXT, value INTEGER, properties TEXT, occurred_at TEXT)`

func main() {
	addr := flag.String("addr", "127.0.0.1:8099", "address to listen on")
	path := flag.String("db", "plain.db", "database file")
	flag.Parse()
	db, err := sql.Open("sqlite3", "file:"+*path+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(schema); err != nil {
		log.Fatal(err)
	}
	insert, err := db.Prepare(`INSERT INTO events (event_id, account, identities, kind, item, value, properties, occurred_at)
 VALUES (?,?,?,?,?,?,?,?)`)
	if err != nil {
		log.Fatal(err)
	}
	var writer sync.Mutex
	http.HandleFunc("/v1/events", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var events []event
		if err == nil {
			err = json.Unmarshal(body, &events)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		writer.Lock()
		defer writer.Unlock()
		tx, err := db.Begin()
		if err == nil {
			stmt := tx.Stmt(insert)
			for _, e := range events {
				if _, err = stmt.Exec(e.EventID, e.Account, string(e.Identities), e.Kind, string(e.Item), e.Value,
					string(e.Properties), e.OccurredAt); err != nil {
					break
				}
			}
			if err == nil {
				err = tx.Commit()
			} else {
				tx.Rollback()
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"accepted":%d}`, len(events))
	})
	// The plain reader that recommendation is measured against: one indexed read.
	http.HandleFunc("/v1/recommend/", func(w http.ResponseWriter, r *http.Request) {
		var id string
		writer.Lock()
		row := db.QueryRow("SELECT coalesce(max(event_id), '') FROM events WHERE id = ?", 1)
		err := row.Scan(&id)
		writer.Unlock()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"items":[%q]}`, id)
	})
	log.Fatal(http.ListenAndServe(*addr, nil))
}
