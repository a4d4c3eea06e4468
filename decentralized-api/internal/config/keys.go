package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// refuseUnknown names every key of the file that Config does not have, each
// with the nearest one that it has.
func refuseUnknown(raw map[string]any) error {
	return unknownIn(raw, reflect.TypeFor[Config](), "")
}

func unknownIn(raw map[string]any, shape reflect.Type, path string) error {
	known := keysOf(shape)
	var failures []error
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		field, ok := known[key]
		if !ok {
			failures = append(failures, unknownKey(path+key, path, key, known))
			continue
		}
		failures = append(failures, unknownBelow(raw[key], field, path+key))
	}
	return errors.Join(failures...)
}

func unknownBelow(value any, shape reflect.Type, path string) error {
	switch shape.Kind() {
	case reflect.Struct:
		if table, ok := value.(map[string]any); ok {
			return unknownIn(table, shape, path+".")
		}
	case reflect.Slice:
		if shape.Elem().Kind() != reflect.Struct {
			return nil
		}
		rows, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%w: %s must be a list of tables, as [[%s]] or [{…}]", ErrInvalid, path, path)
		}
		var failures []error
		for i, row := range rows {
			failures = append(failures, unknownBelow(row, shape.Elem(), fmt.Sprintf("%s[%d]", path, i)))
		}
		return errors.Join(failures...)
	}
	return nil
}

func unknownKey(full, path, key string, known map[string]reflect.Type) error {
	nearest, distance := "", len(key)
	for _, candidate := range slices.Sorted(maps.Keys(known)) {
		if d := edits(key, candidate); d < distance {
			nearest, distance = candidate, d
		}
	}
	if nearest == "" || distance > max(2, len(key)/2) {
		return fmt.Errorf("%w: unknown key %q; known here: %v", ErrInvalid, full, slices.Sorted(maps.Keys(known)))
	}
	return fmt.Errorf("%w: unknown key %q, did you mean %q?", ErrInvalid, full, path+nearest)
}

// keysOf maps a struct's koanf names to the types of their fields.
func keysOf(shape reflect.Type) map[string]reflect.Type {
	keys := make(map[string]reflect.Type, shape.NumField())
	for i := range shape.NumField() {
		keys[shape.Field(i).Tag.Get("koanf")] = shape.Field(i).Type
	}
	return keys
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
