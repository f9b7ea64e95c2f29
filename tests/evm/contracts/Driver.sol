// SPDX-License-Identifier: MIT
pragma solidity =0.7.6;

import "@uniswap/v3-core/contracts/interfaces/IUniswapV3Pool.sol";
import "@uniswap/v3-core/contracts/interfaces/IERC20Minimal.sol";
import "@uniswap/v3-core/contracts/interfaces/callback/IUniswapV3MintCallback.sol";
import "@uniswap/v3-core/contracts/interfaces/callback/IUniswapV3SwapCallback.sol";
import "@uniswap/v3-core/contracts/interfaces/callback/IUniswapV3FlashCallback.sol";

/// Calls a pool directly and pays from its own balance: positions belong to this contract.
contract Driver is IUniswapV3MintCallback, IUniswapV3SwapCallback, IUniswapV3FlashCallback {
    function mint(address pool, int24 lower, int24 upper, uint128 amount)
        external
        returns (uint256, uint256)
    {
        return IUniswapV3Pool(pool).mint(address(this), lower, upper, amount, "");
    }

    function burn(address pool, int24 lower, int24 upper, uint128 amount)
        external
        returns (uint256, uint256)
    {
        return IUniswapV3Pool(pool).burn(lower, upper, amount);
    }

    function collect(address pool, int24 lower, int24 upper, uint128 amount0, uint128 amount1)
        external
        returns (uint128, uint128)
    {
        return IUniswapV3Pool(pool).collect(address(this), lower, upper, amount0, amount1);
    }

    function swap(address pool, bool zeroForOne, int256 amount, uint160 limit)
        external
        returns (int256, int256)
    {
        return IUniswapV3Pool(pool).swap(address(this), zeroForOne, amount, limit, "");
    }

    /// Borrows and pays back with the given amounts on top.
    function flash(address pool, uint256 amount0, uint256 amount1, uint256 paid0, uint256 paid1)
        external
    {
        bytes memory owed = abi.encode(amount0 + paid0, amount1 + paid1);
        IUniswapV3Pool(pool).flash(address(this), amount0, amount1, owed);
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata)
        external
        override
    {
        _pay(amount0, amount1);
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata)
        external
        override
    {
        _pay(amount0 > 0 ? uint256(amount0) : 0, amount1 > 0 ? uint256(amount1) : 0);
    }

    function uniswapV3FlashCallback(uint256, uint256, bytes calldata data) external override {
        (uint256 amount0, uint256 amount1) = abi.decode(data, (uint256, uint256));
        _pay(amount0, amount1);
    }

    function _pay(uint256 amount0, uint256 amount1) private {
        IUniswapV3Pool pool = IUniswapV3Pool(msg.sender);
        if (amount0 > 0) IERC20Minimal(pool.token0()).transfer(msg.sender, amount0);
        if (amount1 > 0) IERC20Minimal(pool.token1()).transfer(msg.sender, amount1);
    }
}
