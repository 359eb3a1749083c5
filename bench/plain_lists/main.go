// The plain reader that recommendation is measured against: net/http and SQLite, every list computed beforehand and read by one
// indexed SELECT. It authenticates nobody, records nothing, and knows no rules, reasons or what happened since.
package main

import (
	"bufio"
	"database/sql"
	"flag"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"

	_ "github.com/mattn/go-sqlite3"
)

// A line of the file is PERSON, a tab, and the list as JSON.
func load(db *sql.DB, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	insert, err := tx.Prepare("INSERT OR REPLACE INTO lists (person, body) VALUES (?, ?)")
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		person, body, found := strings.Cut(lines.Text(), "\t")
		if !found {
			continue
		}
		if _, err := insert.Exec(person, body); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return tx.Commit()
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8098", "address to listen on")
	path := flag.String("db", "lists.db", "database file")
	file := flag.String("load", "", "lists to store first")
	flag.Parse()
	db, err := sql.Open("sqlite3", "file:"+*path+"?_journal_mode=WAL")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS lists (person TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID"); err != nil {
		log.Fatal(err)
	}
	if *file != "" {
		if err := load(db, *file); err != nil {
			log.Fatal(err)
		}
	}
	read, err := db.Prepare("SELECT body FROM lists WHERE person = ?")
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/v1/recommend/", func(w http.ResponseWriter, r *http.Request) {
		var body string
		switch err := read.QueryRow(strings.TrimPrefix(r.URL.Path, "/v1/recommend/")).Scan(&body); err {
		case nil:
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(body))) // else long ones go in chunks
			w.Write([]byte(body))
		case sql.ErrNoRows:
			http.Error(w, "nobody of that id", http.StatusNotFound)
		default:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	log.Fatal(http.ListenAndServe(*addr, nil))
}
