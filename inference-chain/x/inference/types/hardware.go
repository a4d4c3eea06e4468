package types

import "slices"

// IsNodeID says whether text can be the id of a node.
func IsNodeID(id string) bool { return isName(id, MaxNodeIDBytes, "") }

// Validate refuses a node that no host can declare. Whether governance knows its
// models is for the keeper to ask. The error is an ErrInvalidHardware that names
// the node, the field and what would be right.
func (n HardwareNode) Validate() error {
	if !IsNodeID(n.LocalId) {
		return ErrInvalidHardware.Wrapf("local_id must match [A-Za-z0-9._-]{1,%d}, got %q", MaxNodeIDBytes, n.LocalId)
	}
	if _, known := HardwareNodeStatus_name[int32(n.Status)]; !known {
		return ErrInvalidHardware.Wrapf("node %s: status must be one of HardwareNodeStatus, got %d", n.LocalId, n.Status)
	}
	if n.AddedSeq != 0 {
		return ErrInvalidHardware.Wrapf("node %s: added_seq is set by the chain and must be left out, got %d", n.LocalId, n.AddedSeq)
	}
	if err := checkText("host", n.Host, MaxNodeHostBytes); err != nil {
		return ErrInvalidHardware.Wrapf("node %s: %s", n.LocalId, err)
	}
	if n.Port != "" && !isPort(n.Port) {
		return ErrInvalidHardware.Wrapf("node %s: port must be 1 to 65535 or empty, got %q", n.LocalId, n.Port)
	}
	if err := n.validateModels(); err != nil {
		return err
	}
	return n.validateDevices()
}

func (n HardwareNode) validateModels() error {
	if len(n.Models) > MaxModelsPerNode {
		return ErrInvalidHardware.Wrapf("node %s: models has %d entries, at most %d are possible", n.LocalId, len(n.Models), MaxModelsPerNode)
	}
	for i, id := range n.Models {
		if !IsModelID(id) {
			return ErrInvalidHardware.Wrapf("node %s: a model id must match [A-Za-z0-9._/-]{1,%d}, got %q", n.LocalId, MaxModelIDBytes, id)
		}
		if slices.Contains(n.Models[:i], id) {
			return ErrInvalidHardware.Wrapf("node %s: models must name %s once", n.LocalId, id)
		}
	}
	return nil
}

func (n HardwareNode) validateDevices() error {
	if len(n.Hardware) > MaxHardwarePerNode {
		return ErrInvalidHardware.Wrapf("node %s: hardware has %d entries, at most %d are possible", n.LocalId, len(n.Hardware), MaxHardwarePerNode)
	}
	for _, device := range n.Hardware {
		if device.Type == "" {
			return ErrInvalidHardware.Wrapf("node %s: hardware.type must name the device", n.LocalId)
		}
		if err := checkText("hardware.type", device.Type, MaxDeviceNameBytes); err != nil {
			return ErrInvalidHardware.Wrapf("node %s: %s", n.LocalId, err)
		}
		if device.Count == 0 || device.Count > MaxDevices {
			return ErrInvalidHardware.Wrapf("node %s: hardware.count must lie in [1, %d], got %d", n.LocalId, MaxDevices, device.Count)
		}
	}
	return nil
}

// SameAs says whether two declarations have the same content, whatever order the
// chain gave them.
func (n HardwareNode) SameAs(other HardwareNode) bool {
	other.AddedSeq = n.AddedSeq
	return n.Equal(&other)
}
