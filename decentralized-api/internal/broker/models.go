package broker

import (
	"errors"
	"fmt"
	"strings"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/inference-chain/x/inference/types"
)

// judge sets or clears the refusal of a node.
func (b *Broker) judge(node *NodeState, models map[string]types.Model) {
	node.Fallback = knownModels(node.Spec, models)
	err := checkModels(node.Spec, models)
	switch {
	case err != nil && node.Refused != err.Error():
		node.Refused = err.Error()
		b.log.Error("node is refused and will not be declared to the chain", "node", node.Spec.ID, "reason", node.Refused)
	case err == nil && node.Refused != "":
		node.Refused = ""
		b.log.Info("node is refused no longer", "node", node.Spec.ID)
	}
}

func knownModels(spec config.Node, models map[string]types.Model) []types.Model {
	var known []types.Model
	for _, id := range spec.Models {
		if model, ok := models[id]; ok {
			known = append(known, model)
		}
	}
	return known
}

// ErrServerless means that a node cannot join the registry: the chain has none
// of its kind.
var ErrServerless = errors.New("a serverless node stands in the configuration file, and takes part in no epoch")

// checkModels lists every model of a node that is not in the registry.
func checkModels(spec config.Node, models map[string]types.Model) error {
	if spec.Serverless() {
		return fmt.Errorf("node %s: %w", spec.ID, ErrServerless)
	}
	var unknown []string
	for _, id := range spec.Models {
		if _, known := models[id]; !known {
			unknown = append(unknown, id)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return fmt.Errorf("node %s: %w: %s", spec.ID, ErrUnknownModels, strings.Join(unknown, ", "))
}
